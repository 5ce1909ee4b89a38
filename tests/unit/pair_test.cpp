#include "passes/pair.h"

#include "input/read_trace.h"
#include "trace_builder.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using unpaired::test::TraceBuilder;

namespace {

std::vector<PairedImage> paired(const TraceBuilder &builder, Trace &trace)
{
    trace = read_trace(builder.bytes(), "x");
    return pair(trace);
}

const SiteTally &tally_of(const PairedImage &image, uint32_t site)
{
    for (const SiteTally &tally : image.sites)
        if (tally.site == site)
            return tally;
    throw std::logic_error("no such site");
}

} // namespace

TEST_CASE("what was acquired is released, released unseen, lost, or live")
{
    TraceBuilder builder;
    uint32_t lock = builder.site("pthread_rwlock_init", {"f@f.c:1"});
    builder.leak(lock, 2);
    builder.counter(lock, 10, 1, 3);
    builder.anomaly(
        {.kind = UNPAIRED_ANOMALY_STORAGE_FREED_LIVE, .function = "free", .acquire_site = lock, .count = 4});

    Trace trace;
    SiteTally tally = tally_of(paired(builder, trace).at(0), lock);

    CHECK(tally.acquired == 12);
    CHECK(tally.released_unseen == 3);
    CHECK(tally.lost == 4);
    CHECK(tally.live.size() == 2);
    CHECK(tally.released == 3);
    CHECK(tally.failed == 1);
}

TEST_CASE("a kill between a slot and its counter does not make the sum negative")
{
    TraceBuilder builder;
    uint32_t site = builder.site("malloc", {"f@f.c:1"});
    builder.slot({.site = site, .handle = 16, .size = 8});
    builder.slot({.site = site, .handle = 32, .size = 8});
    builder.counter(site, 1);

    Trace trace;
    SiteTally tally = tally_of(paired(builder, trace).at(0), site);

    CHECK(tally.acquired == 2);
    CHECK(tally.released == 0);
}

TEST_CASE("a descriptor that the kernel no longer had was released unseen")
{
    TraceBuilder builder;
    uint32_t site = builder.site("socket", {"f@f.c:1"});
    builder.slot({.site = site, .handle = 5, .time_ms = 100});
    builder.slot({.site = site, .handle = 6, .time_ms = 100});   // still open
    builder.slot({.site = site, .handle = 7, .time_ms = 600});   // acquired after the table
    builder.slot({.site = site, .handle = 900, .time_ms = 100}); // the table does not reach so far
    builder.counter(site, 4);
    builder.open_descriptors({0, 1, 2, 5}, 400); // an earlier look
    builder.open_descriptors({0, 1, 2, 6, 30, 200}, 500);

    Trace trace;
    PairedImage image = paired(builder, trace).at(0);
    SiteTally tally = tally_of(image, site);

    CHECK(tally.released_unseen == 1);
    REQUIRE(tally.live.size() == 3);
    CHECK(trace.slots[tally.live[0]].handle == 6);
    CHECK(image.unknown_descriptors == 2);
}

TEST_CASE("the descriptor inside a stream is the stream's, not of unknown origin")
{
    TraceBuilder builder;
    uint32_t site = builder.site("fopen", {"f@f.c:1"});
    builder.slot({.site = site, .handle = 0x100, .descriptor = 3});
    builder.slot({.site = site, .handle = 0x200}); // a trace of 1.0, or a stream in memory
    builder.counter(site, 2);
    builder.open_descriptors({0, 1, 2, 3, 4}, 500);

    Trace trace;
    CHECK(paired(builder, trace).at(0).unknown_descriptors == 1);
    CHECK(trace.slots.at(0).descriptor == 3u);
    CHECK(!trace.slots.at(1).descriptor);
}

TEST_CASE("the look at exit also covers what was acquired within the same tick of the clock")
{
    TraceBuilder builder;
    uint32_t site = builder.site("socket", {"f@f.c:1"});
    builder.slot({.site = site, .handle = 5, .time_ms = 100});
    builder.counter(site, 1);
    builder.open_descriptors({0, 1, 2}, 100);
    Trace trace;

    CHECK(tally_of(paired(builder, trace).at(0), site).live.size() == 1);

    builder.end(UNPAIRED_END_EXIT, 100);
    CHECK(tally_of(paired(builder, trace).at(0), site).live.empty());
}

TEST_CASE("of two looks within one tick the later counts")
{
    TraceBuilder builder;
    uint32_t site = builder.site("socket", {"f@f.c:1"});
    builder.slot({.site = site, .handle = 5, .time_ms = 100});
    builder.counter(site, 1);
    builder.open_descriptors({0, 1, 2}, 100);    // before an exec that failed
    builder.open_descriptors({0, 1, 2, 5}, 100); // at exit
    builder.end(UNPAIRED_END_EXIT, 100);

    Trace trace;
    CHECK(tally_of(paired(builder, trace).at(0), site).live.size() == 1);
}

TEST_CASE("a part belongs to the outermost resource while that lives")
{
    TraceBuilder builder;
    uint32_t open = builder.site("fopen", {"f@f.c:1"});
    uint32_t block = builder.site("malloc", {"libc.so.6!fopen", "f@f.c:1"});
    uint32_t whole = builder.slot({.site = open, .handle = 0x100});
    uint32_t part = builder.slot({.site = block, .handle = 0x200, .size = 552, .parent = whole});
    builder.slot({.site = block, .handle = 0x300, .size = 4096, .parent = part});
    uint32_t closed = builder.slot({.site = open, .handle = 0x400, .live = false});
    builder.slot({.site = block, .handle = 0x500, .size = 10, .parent = closed}); // its stream is gone
    builder.counter(open, 2);
    builder.counter(block, 3);

    Trace trace;
    PairedImage image = paired(builder, trace).at(0);

    CHECK(tally_of(image, block).parts.size() == 2);
    REQUIRE(tally_of(image, block).live.size() == 1);
    CHECK(trace.slots[tally_of(image, block).live[0]].size == 10);
    REQUIRE(image.parts.size() == 2);
    CHECK(trace.slots[image.parts[1].whole].handle == 0x100);
}

TEST_CASE("a descriptor that was moved into a stream goes with it")
{
    TraceBuilder builder;
    uint32_t socket = builder.site("socket", {"f@f.c:1"});
    uint32_t fdopen = builder.site("fdopen", {"f@f.c:2"});
    uint32_t open_stream = builder.slot({.site = fdopen, .handle = 0x100});
    uint32_t closed_stream = builder.slot({.site = fdopen, .handle = 0x200, .live = false});
    builder.slot({.site = socket, .handle = 5, .parent = open_stream, .flags = UNPAIRED_SLOT_MOVED});
    builder.slot({.site = socket, .handle = 6, .parent = closed_stream, .flags = UNPAIRED_SLOT_MOVED});
    builder.counter(socket, 2);
    builder.counter(fdopen, 2);

    Trace trace;
    SiteTally tally = tally_of(paired(builder, trace).at(0), socket);

    CHECK(tally.parts.size() == 1);
    CHECK(tally.released_unseen == 1);
    CHECK(tally.live.empty());
}

TEST_CASE("a forked child's acquisitions are its own, from a site its parent interned")
{
    TraceBuilder builder;
    uint32_t site = builder.site("malloc", {"f@f.c:1"});
    builder.image(2, 200, 1, 100);
    builder.leak(site, 7, 20);
    for (uint64_t i = 0; i < 5; i++)
        builder.slot({.site = site, .handle = 0x900 + i, .size = 30, .image = 2});
    builder.counter(site, 6, 0, 0, 2);

    Trace trace;
    std::vector<PairedImage> images = paired(builder, trace);

    REQUIRE(images.size() == 2);
    CHECK(tally_of(images[0], site).live.size() == 7);
    CHECK(tally_of(images[1], site).live.size() == 5);
    CHECK(tally_of(images[1], site).released == 1);
}
