#include "input/read_trace.h"
#include "input/site_stacks.h"

#include "trace_builder.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <unistd.h>
#include <zstd.h>

using namespace unpaired;
using unpaired::test::TraceBuilder;

namespace {

TraceBuilder small_trace()
{
    TraceBuilder builder;
    uint32_t accept = builder.site("accept4", {"serve_one@server.c:11", "main@server.c:40"}, "MBUS");
    uint32_t close = builder.site("close", {"stop@server.c:20", "main@server.c:41"});
    builder.leak(accept, 3, 0, 7);
    builder.counter(accept, 7, 2);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_RELEASE_FAILED,
                     .function = "close",
                     .acquire_site = accept,
                     .release_site = close,
                     .result = -1,
                     .error = 9,
                     .count = 4});
    builder.thread(2, 101, "mqtt_rx");
    builder.thread_end(2, 900);
    builder.mark(1, 500);
    builder.limit("fd", "RLIMIT_NOFILE", 1024);
    builder.open_descriptors({0, 1, 2, 7, 200}, 990);
    builder.exec(0, "/bin/true", UNPAIRED_EXEC_UNRECORDED, 700);
    builder.note(UNPAIRED_NOTE_FOREIGN_ALLOCATOR, "/opt/server");
    builder.end(UNPAIRED_END_EXIT, 1000);
    builder.child_end(100, 0, 1001);
    return builder;
}

std::string error_of(const std::vector<uint8_t> &bytes)
{
    try {
        read_trace(bytes, "x.trace");
    } catch (const InputError &error) {
        return error.what();
    }
    return "";
}

class TemporaryFile {
public:
    explicit TemporaryFile(const std::vector<uint8_t> &bytes)
    {
        char name[] = "/tmp/unpaired-test-XXXXXX";
        int fd = mkstemp(name);
        REQUIRE(fd >= 0);
        close(fd);
        path = name;
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    ~TemporaryFile() { std::remove(path.c_str()); }
    std::string path;
};

} // namespace

TEST_CASE("everything a recorder writes is read back as written")
{
    Trace trace = read_trace(small_trace().bytes(), "x.trace");

    CHECK(trace.damage.empty());
    CHECK(trace.missing_bytes == 0);
    REQUIRE(trace.images.size() == 1);
    const Image &image = trace.images.at(1);
    CHECK(image.program == "/opt/server");
    CHECK(image.command == std::vector<std::string>{"server", "--port", "502"});
    CHECK(image.pid == 100);
    CHECK(image.parent_pid == 99);
    REQUIRE(trace.sites.size() == 2);
    const Site &site = trace.sites.at(1);
    CHECK(trace.dictionary.functions.at(site.function).name == "accept4");
    CHECK(trace.dictionary.functions.at(site.function).role == UNPAIRED_ROLE_ACQUIRE);
    CHECK(trace.dictionary.families.at(site.family).name == "socket");
    CHECK(trace.dictionary.spaces.at(trace.dictionary.families.at(site.family).space).name == "fd");
    CHECK(site.stack.size() == 2);
    CHECK(site.owner_source == UNPAIRED_OWNER_SCOPE);
    REQUIRE(trace.slots.size() == 3);
    CHECK(trace.slots[0].handle == 7);
    CHECK(trace.slots[2].handle == 9);
    REQUIRE(trace.counters.size() == 1);
    CHECK(trace.counters[0].acquired == 10);
    CHECK(trace.counters[0].failed == 2);
    REQUIRE(trace.anomalies.size() == 1);
    CHECK(trace.anomalies[0].count == 4);
    CHECK(trace.anomalies[0].error == 9);
    CHECK(trace.threads.at(2).name == "mqtt_rx");
    CHECK(trace.threads.at(2).ended);
    CHECK(trace.marks.size() == 1);
    CHECK(trace.limits.at(0).name == "RLIMIT_NOFILE");
    CHECK(trace.limits.at(0).value == 1024);
    REQUIRE(trace.descriptors.size() == 2);
    CHECK(trace.descriptors[0].words.at(0) == 0x87);
    CHECK(trace.descriptors[1].first == 128);
    CHECK(trace.execs.at(0).program == "/bin/true");
    CHECK(trace.notes.at(0).text == "/opt/server");
    CHECK(trace.ends.at(0).kind == UNPAIRED_END_EXIT);
    CHECK(trace.child_ends.at(0).pid == 100);
    CHECK(trace.modules.size() == 4);
}

TEST_CASE("a compressed trace reads like the raw one, from memory and from a file")
{
    std::vector<uint8_t> raw = small_trace().bytes();
    std::vector<uint8_t> packed(ZSTD_compressBound(raw.size()));
    packed.resize(ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 3));
    TemporaryFile file(packed), raw_file(raw);

    CHECK(read_trace(packed, "x").slots.size() == 3);
    CHECK(read_trace(file.path).slots.size() == 3);
    CHECK(read_trace(raw_file.path).slots.size() == 3);

    WHEN("the compressed file breaks off")
    {
        packed.resize(packed.size() / 2);
        std::string error;
        Trace trace;
        try {
            trace = read_trace(packed, "x");
        } catch (const InputError &e) {
            error = e.what();
        }
        THEN("that is told, as damage or as an error") { CHECK((!trace.damage.empty() || !error.empty())); }
    }
}

TEST_CASE("what is no trace is refused with a line that says what it is")
{
    std::vector<uint8_t> good = small_trace().bytes();
    CHECK_THAT(error_of({}), Catch::Contains("empty"));
    CHECK_THAT(error_of({'h', 'e', 'l', 'l', 'o'}), Catch::Contains("not an unpaired trace"));
    CHECK_THAT(error_of(std::vector<uint8_t>(good.begin(), good.begin() + 100)),
               Catch::Contains("too short"));
    std::vector<uint8_t> other = good;
    other[8] = 2;
    CHECK_THAT(error_of(other), Catch::Contains("trace format 2."));
    CHECK_THROWS_WITH(read_trace("/nonexistent/x.trace"), Catch::Contains("No such file"));
    CHECK_THROWS_WITH(read_trace("/tmp"), Catch::Contains("directory"));
    CHECK_THROWS_WITH(read_trace("/dev/null"), Catch::Contains("not a regular file"));
}

TEST_CASE("a higher minor version is read and what it added is skipped")
{
    TraceBuilder builder = small_trace();
    builder.header.minor = 9;
    uint64_t payload[3] = {1, 2, 3};
    builder.record(99, payload, sizeof payload);
    builder.mark(2, 800);

    Trace trace = read_trace(builder.bytes(), "x");

    CHECK(trace.marks.size() == 2);
    REQUIRE(trace.damage.size() == 1);
    CHECK_THAT(trace.damage[0], Catch::Contains("1 records") && Catch::Contains("skipped"));
}

TEST_CASE("a truncated file gives what is there and says how much is missing")
{
    std::vector<uint8_t> bytes = small_trace().bytes();
    const size_t slots_at = bytes.size() - UNPAIRED_TRACE_PAGE;
    bytes.resize(slots_at + 64 + 64 + 10); // header, one slot, and a piece of the second

    Trace trace = read_trace(bytes, "x");

    CHECK(trace.slots.size() == 1);
    CHECK(trace.sites.size() == 2);
    REQUIRE(trace.damage.size() == 1);
    CHECK_THAT(trace.damage[0], Catch::Contains("truncated"));
    CHECK(trace.missing_bytes == UNPAIRED_TRACE_PAGE - 138);
}

TEST_CASE("behind a damaged record the log goes on, and the damage is counted")
{
    std::vector<uint8_t> bytes = small_trace().bytes();
    const std::string needle = "RLIMIT_NOFILE";
    auto at = std::search(bytes.begin(), bytes.end(), needle.begin(), needle.end());
    REQUIRE(at != bytes.end());
    *at ^= 0x20;

    Trace trace = read_trace(bytes, "x");

    CHECK(trace.limits.empty());
    CHECK(trace.descriptors.size() == 2);
    CHECK(trace.ends.size() == 1);
    CHECK(trace.missing_bytes == 40);
    REQUIRE(trace.damage.size() == 1);
    CHECK_THAT(trace.damage[0],
               Catch::Contains("40 bytes of the log are damaged") && Catch::Contains("1 places"));
}

TEST_CASE("a record that its writer did not live to finish hides nothing behind it")
{
    std::vector<uint8_t> bytes = small_trace().bytes();
    const std::string needle = "RLIMIT_NOFILE";
    auto at = std::search(bytes.begin(), bytes.end(), needle.begin(), needle.end());
    std::fill(at - 24, at - 16, uint8_t{0}); // its header, stored last

    Trace trace = read_trace(bytes, "x");

    CHECK(trace.limits.empty());
    CHECK(trace.ends.size() == 1);
    REQUIRE(trace.damage.size() == 1);
    CHECK_THAT(trace.damage[0], Catch::Contains("never finished"));
}

TEST_CASE("behind a damaged extent header the next extent is found")
{
    std::vector<uint8_t> bytes = small_trace().bytes();
    SECTION("the magic word of the counters is gone")
    {
        bytes[bytes.size() - 2 * UNPAIRED_TRACE_PAGE] ^= 0xff;
        Trace trace = read_trace(bytes, "x");
        CHECK(trace.slots.size() == 3);
        CHECK(trace.counters.empty());
        REQUIRE(trace.damage.size() == 1);
        CHECK_THAT(trace.damage[0], Catch::Contains("4096 bytes are damaged"));
    }
    SECTION("the log's length covers the extents behind it")
    {
        bytes[UNPAIRED_TRACE_PAGE + 8] = 3;
        Trace trace = read_trace(bytes, "x");
        CHECK(trace.slots.size() == 3);
        CHECK(trace.counters.size() == 1);
        REQUIRE(trace.damage.size() == 1);
        CHECK_THAT(trace.damage[0], Catch::Contains("damaged length"));
    }
}

TEST_CASE("an extent made while the file was being read is not lost")
{
    std::vector<uint8_t> bytes = small_trace().bytes();
    auto *header = reinterpret_cast<unpaired_file_header *>(bytes.data());
    header->next_page -= 1; // as it stood before the slots' extent

    Trace trace = read_trace(bytes, "x");

    CHECK(trace.slots.size() == 3);
    CHECK(trace.damage.empty());
}

TEST_CASE("a stack goes on with the outermost frames of another site's, which may go on with a third's")
{
    // given three stacks that end alike
    TraceBuilder builder;
    const uint32_t first = builder.site("malloc", {"a", "b", "serve", "main"});
    const uint32_t second =
        builder.site("free", {"c"}, nullptr, UNPAIRED_OWNER_SCOPE, 1, UNPAIRED_SITE_OUTER(first, 3));
    const uint32_t third =
        builder.site("malloc", {}, nullptr, UNPAIRED_OWNER_SCOPE, 1, UNPAIRED_SITE_OUTER(second, 2));
    const uint32_t lost =
        builder.site("malloc", {"d"}, nullptr, UNPAIRED_OWNER_SCOPE, 1, UNPAIRED_SITE_OUTER(777, 2));
    const uint32_t circle =
        builder.site("malloc", {"d"}, nullptr, UNPAIRED_OWNER_SCOPE, 1, UNPAIRED_SITE_OUTER(lost + 1, 1));
    const uint32_t later = circle + 2; // numbers are not in the order of writing
    const uint32_t earlier =
        builder.site("malloc", {"e"}, nullptr, UNPAIRED_OWNER_SCOPE, 1, UNPAIRED_SITE_OUTER(later, 2));
    REQUIRE(builder.site("malloc", {"a", "serve", "main"}) == later);
    // when it is read
    const Trace trace = read_trace(builder.bytes(), "t");
    // then each is whole, but where the other is missing, which is told
    const auto stack = [&](uint32_t site) { return addresses_of(trace, trace.sites.at(site)); };
    const std::vector<uint64_t> whole = stack(first);
    REQUIRE(whole.size() == 4);
    const std::vector<uint64_t> of_second = stack(second);
    REQUIRE(of_second.size() == 4);
    CHECK(std::equal(whole.begin() + 1, whole.end(), of_second.begin() + 1));
    CHECK(stack(third) == std::vector<uint64_t>(whole.begin() + 2, whole.end()));
    CHECK(stack(lost).size() == 1);
    CHECK(stack(circle).size() == 1);
    const std::vector<uint64_t> of_later = stack(later);
    REQUIRE(stack(earlier).size() == 3);
    CHECK(stack(earlier)[1] == of_later[1]);
    CHECK(stack(earlier)[2] == of_later[2]);
    // and of each as much as is asked for
    CHECK(addresses_of(trace, trace.sites.at(second), 2) == std::vector<uint64_t>{of_second[0], whole[1]});
    CHECK(addresses_of(trace, trace.sites.at(third), 1) == std::vector<uint64_t>{whole[2]});
    CHECK(addresses_of(trace, trace.sites.at(third), 0).empty());
    REQUIRE(trace.damage.size() == 1);
    CHECK(trace.damage[0].starts_with("2 stacks are cut"));
}

TEST_CASE("slots whose site was lost are told, not shown")
{
    TraceBuilder builder = small_trace();
    builder.slot({.site = 77, .handle = 1});

    Trace trace = read_trace(builder.bytes(), "x");

    CHECK(trace.slots.size() == 3);
    REQUIRE(trace.damage.size() == 1);
    CHECK_THAT(trace.damage[0], Catch::Contains("1 live acquisitions"));
}

TEST_CASE("a trace cut at any byte is read or refused, never more")
{
    const std::vector<uint8_t> bytes = small_trace().bytes();
    for (size_t length = 0; length < bytes.size(); length += length < 4200 ? 13 : 7) {
        std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(length));
        try {
            Trace trace = read_trace(cut, "x");
            REQUIRE(length >= UNPAIRED_TRACE_PAGE);
            REQUIRE_FALSE(trace.damage.empty());
            REQUIRE(trace.slots.size() <= 3);
        } catch (const InputError &) {
            REQUIRE(length < UNPAIRED_TRACE_PAGE);
        }
    }
}
