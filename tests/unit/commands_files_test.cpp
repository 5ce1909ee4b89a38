#include "commands/live_trace.h"
#include "commands/private_folder.h"
#include "commands/program_check.h"
#include "commands/running.h"
#include "commands/store_trace.h"
#include "commands/trouble.h"
#include "input/read_trace.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace unpaired;
namespace fs = std::filesystem;

namespace {

/// A raw trace without records: a header, and room for `pages` pages.
std::string empty_trace(const PrivateFolder &folder, uint32_t pages)
{
    const std::string path = folder.path() + "/made.trace";
    unpaired_file_header header = {};
    std::memcpy(header.magic, UNPAIRED_TRACE_MAGIC, sizeof header.magic);
    header.major = UNPAIRED_TRACE_MAJOR;
    header.page = UNPAIRED_TRACE_PAGE;
    header.capacity = uint64_t{pages} * UNPAIRED_TRACE_PAGE;
    header.source = UNPAIRED_SOURCE_PRELOAD;
    header.address_size = 8;
    header.first_pid = static_cast<uint32_t>(getpid());
    header.next_page = 1;
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char *>(&header), sizeof header);
    REQUIRE(truncate(path.c_str(), static_cast<off_t>(header.capacity)) == 0);
    return path;
}

} // namespace

TEST_CASE("commands: what is appended to a live trace is what a reader finds")
{
    const PrivateFolder folder;
    const std::string path = empty_trace(folder, 16);
    {
        LiveTrace live(path);
        LogRecords records;
        unpaired_record_child_end end = {};
        end.pid = 4711;
        end.wait_status = 9;
        records.add(UNPAIRED_RECORD_CHILD_END, end);
        unpaired_record_mark mark = {};
        mark.cycle = live.begin_cycle();
        mark.name_len = 9;
        records.add(UNPAIRED_RECORD_MARK, mark, "reconnect");
        live.append(records, 0);
        live.set_stopped(true);
        CHECK(live.stopped());
        CHECK(live.used() == 2 * UNPAIRED_TRACE_PAGE);
    }
    const Trace trace = read_trace(path);
    CHECK(trace.damage.empty());
    REQUIRE(trace.child_ends.size() == 1);
    CHECK(trace.child_ends[0].pid == 4711);
    CHECK(trace.child_ends[0].wait_status == 9);
    REQUIRE(trace.marks.size() == 1);
    CHECK(trace.marks[0].name == "reconnect");
    CHECK(trace.cycles == 1);
    CHECK(trace.control == UNPAIRED_CONTROL_STOPPED);
}

TEST_CASE("commands: a full trace takes no more, and says so")
{
    const PrivateFolder folder;
    LiveTrace live(empty_trace(folder, 2));
    LogRecords records;
    records.add(UNPAIRED_RECORD_CHILD_END, unpaired_record_child_end{});
    live.append(records, 0);
    CHECK_THROWS_AS(live.append(records, 0), Trouble);
}

TEST_CASE("commands: a stored trace has the used pages alone, reads the same, and can no longer be talked to")
{
    const PrivateFolder folder;
    const std::string path = empty_trace(folder, 10000), stored = folder.path() + "/stored";
    {
        LiveTrace live(path);
        LogRecords records;
        unpaired_record_mark mark = {};
        mark.cycle = live.begin_cycle();
        records.add(UNPAIRED_RECORD_MARK, mark);
        live.append(records, 0);
    }
    const uint64_t bytes = store_trace(path, stored);
    CHECK(bytes == fs::file_size(stored));
    CHECK(bytes < 1000);
    const Trace trace = read_trace(stored);
    CHECK(trace.damage.empty());
    CHECK(trace.marks.size() == 1);
    CHECK_THROWS_AS(LiveTrace(stored), Trouble);
}

TEST_CASE("commands: what cannot be stored leaves nothing behind")
{
    const PrivateFolder folder;
    const std::string foreign = folder.path() + "/foreign";
    std::ofstream(foreign) << "no trace";
    CHECK_THROWS_AS(store_trace(foreign, folder.path() + "/out"), Trouble);
    CHECK_THROWS_AS(store_trace(foreign, "/nowhere/out"), Trouble);
    CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("commands: the private folder is ours alone and goes with its contents, unless kept")
{
    std::string path;
    {
        const PrivateFolder folder;
        path = folder.path();
        struct stat st = {};
        REQUIRE(stat(path.c_str(), &st) == 0);
        CHECK((st.st_mode & 0777) == 0700);
        std::ofstream(path + "/b.trace") << "x";
        std::ofstream(path + "/a.trace") << "x";
        std::ofstream(path + "/owner-rules") << "x";
        CHECK(folder.traces() == std::vector<std::string>{path + "/a.trace", path + "/b.trace"});
    }
    CHECK(!fs::exists(path));
    {
        PrivateFolder folder;
        path = folder.path();
        folder.keep();
    }
    CHECK(fs::exists(path));
    fs::remove(path);
}

TEST_CASE("commands: a process that maps a file is told from one that does not")
{
    const PrivateFolder folder;
    const std::string path = empty_trace(folder, 2);
    const auto self = static_cast<uint32_t>(getpid());
    CHECK(!maps_file(self, path));
    const LiveTrace live(path);
    CHECK(maps_file(self, path));
    CHECK(!maps_file(self, folder.path() + "/none"));
    CHECK(trace_of_process(self) == path);
}

TEST_CASE("commands: programs are found as execvp finds them")
{
    const PrivateFolder folder;
    const std::string program = folder.path() + "/some-program", plain = folder.path() + "/plain-file";
    fs::copy_file("/bin/true", program);
    std::ofstream(plain) << "text";
    const char *variable = getenv("PATH");
    const std::string before = variable ? variable : "";
    setenv("PATH", ("/nowhere:" + folder.path()).c_str(), 1);
    CHECK(find_program("some-program") == program);
    CHECK(find_program(program) == program);
    CHECK_THROWS_WITH(find_program("plain-file"), Catch::Contains("Permission denied"));
    CHECK_THROWS_WITH(find_program("no-program"), Catch::Contains("no-program") && Catch::Contains("PATH"));
    CHECK_THROWS_WITH(find_program("./no-program"), Catch::Contains("No such file"));
    CHECK_THROWS_WITH(find_program(""), Catch::Contains("empty"));
    setenv("PATH", before.c_str(), 1);
    CHECK_NOTHROW(require_recordable(program, "some-program"));
}
