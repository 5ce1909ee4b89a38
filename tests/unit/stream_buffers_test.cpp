#include "analyze_helpers.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using unpaired::test::findings_of;
using unpaired::test::TraceBuilder;

namespace {

const std::vector<std::string> writes = {"libc.so.6!_IO_file_doallocate", "libc.so.6!_IO_doallocbuf",
                                         "libc.so.6!fputs", "log@log.c:7", "main@main.c:3"};

/// Streams that are opened at one place, and the site where the C library makes their buffers.
struct Streams {
    TraceBuilder builder;
    uint32_t open = builder.site("fopen", {"open_log@log.c:3", "main@main.c:2"});
    uint32_t file = builder.site("malloc", {"libc.so.6!fopen", "open_log@log.c:3", "main@main.c:2"});
    uint32_t buffer = builder.site("malloc", writes);

    uint32_t opened_at(uint32_t time_ms, uint32_t thread = 1)
    {
        uint32_t stream =
            builder.slot({.site = open, .handle = 0x1000 + time_ms, .time_ms = time_ms, .thread = thread});
        file_block = builder.slot(
            {.site = file, .handle = 0x1000 + time_ms, .size = 552, .time_ms = time_ms, .parent = stream});
        return stream;
    }
    uint32_t buffer_at(uint32_t time_ms, uint32_t thread = 1)
    {
        return builder.slot(
            {.site = buffer, .handle = 0x9000 + time_ms, .size = 4096, .time_ms = time_ms, .thread = thread});
    }
    uint32_t file_block = 0; ///< of the last stream
};

} // namespace

TEST_CASE("the buffer that a stream got at its first write is a part of the stream")
{
    Streams given;
    for (uint32_t time : {100, 200, 300}) {
        given.opened_at(time);
        given.buffer_at(time + 50);
    }
    const std::vector<Finding> never = findings_of(given.builder, "never-released");

    REQUIRE(never.size() == 1);
    CHECK(never[0].function == "fopen");
    CHECK(never[0].count == 3);
    CHECK(never[0].parts.at("heap").count == 6);
    CHECK(never[0].parts.at("heap").bytes == 3 * (552 + 4096));
}

TEST_CASE("where memory tells whose buffer it is, memory is believed")
{
    Streams given;
    given.opened_at(100);
    const uint32_t wanted = given.file_block;
    const uint32_t other = given.builder.site("fopen", {"other@other.c:1"});
    given.builder.slot({.site = other, .handle = 0x7000, .time_ms = 200, .thread = 1});
    const uint32_t made = given.buffer_at(300);
    given.builder.look(
        400, 0,
        {{.slot = wanted, .state = UNPAIRED_REACH_REACHABLE, .holder = UNPAIRED_HOLDER_DATA},
         {.slot = made, .state = UNPAIRED_REACH_REACHABLE, .holder = UNPAIRED_HOLDER_BLOCK, .by = wanted}});

    for (const Finding &finding : findings_of(given.builder, "never-released"))
        CHECK(finding.parts.contains("heap") == (finding.blame.function == "open_log"));
}

TEST_CASE("without a look at memory the stream of the same thread has it, and none has two")
{
    Streams given;
    given.opened_at(100, 1);
    const uint32_t other = given.builder.site("fopen", {"other@other.c:1"});
    given.builder.slot({.site = other, .handle = 0x7000, .time_ms = 200, .thread = 2});
    given.buffer_at(300, 1);
    given.buffer_at(310, 1);

    const std::vector<Finding> never = findings_of(given.builder, "never-released");

    REQUIRE(never.size() == 2);
    for (const Finding &finding : never)
        CHECK(finding.parts.at("heap").count == (finding.blame.function == "open_log" ? 2 : 1));
}

TEST_CASE("a buffer of stdout is the C library's, for the life of the program")
{
    Streams given;
    given.opened_at(100);
    const uint32_t site = given.builder.site(
        "malloc", {"libc.so.6!_IO_file_doallocate", "libc.so.6!puts", "greet@main.c:1", "main@main.c:2"});
    given.builder.slot({.site = site, .handle = 0x5000, .size = 1024, .time_ms = 150});
    given.builder.end(UNPAIRED_END_SIGNAL, 9000);

    for (const Finding &finding : findings_of(given.builder, "never-released")) {
        if (finding.family != "heap")
            continue;
        CHECK(finding.severity == Severity::note);
        CHECK(finding.remarks ==
              std::vector<std::string>{
                  "the buffer of a standard stream, which the C library keeps to the end"});
    }
}

TEST_CASE("more buffers than there are standard streams are not said to be theirs")
{
    Streams given;
    for (uint32_t time : {100, 200, 300, 400})
        given.buffer_at(time);
    given.builder.end(UNPAIRED_END_EXIT, 9000);

    const std::vector<Finding> never = findings_of(given.builder, "never-released");

    REQUIRE(never.size() == 1);
    CHECK(never[0].count == 4);
    CHECK(never[0].remarks.empty()); // nothing says that they are a standard stream's
}

TEST_CASE("what the C library allocates for the program to keep is the program's")
{
    Streams given;
    given.opened_at(100);
    const uint32_t line = given.builder.site("malloc", {"libc.so.6!getdelim", "read_line@log.c:9"});
    given.builder.slot({.site = line, .handle = 0x5000, .size = 120, .time_ms = 150, .thread = 1});

    const std::vector<Finding> never = findings_of(given.builder, "never-released");

    REQUIRE(never.size() == 2);
    for (const Finding &finding : never)
        CHECK((finding.function == "fopen" || finding.blame.function == "read_line"));
}
