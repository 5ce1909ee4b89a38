// EVENTS extents: what every event tells of a trace's call sites.
#include "input/read_trace.h"
#include "passes/pair.h"
#include "trace_builder.h"

#include <catch2/catch.hpp>
#include <random>
#include <zstd.h>

using namespace unpaired;
using unpaired::test::TraceBuilder;

namespace {

using Numbers = std::vector<uint64_t>;

Numbers acquired(uint32_t site) { return {uint64_t{site} << 2 | UNPAIRED_LOGGED_ACQUIRED}; }
Numbers acquired(uint32_t site, uint64_t size)
{
    return {uint64_t{site} << 2 | UNPAIRED_LOGGED_ACQUIRED_SIZED, size + 1};
}
Numbers released(uint64_t since) { return {since << 2 | UNPAIRED_LOGGED_RELEASED}; }
Numbers other(unsigned kind, uint64_t number) { return {kind << 2 | UNPAIRED_LOGGED_OTHER, number}; }

Trace read(const TraceBuilder &b) { return read_trace(b.bytes(), "test.trace"); }

const Counter &counter_of(const Trace &trace, uint32_t site)
{
    for (const Counter &counter : trace.counters)
        if (counter.site == site)
            return counter;
    throw std::runtime_error("no counter");
}

bool tells(const Trace &trace, const std::string &text)
{
    for (const std::string &sentence : trace.damage)
        if (sentence.find(text) != std::string::npos)
            return true;
    return false;
}

} // namespace

TEST_CASE("numbers of an event come back as they were put", "[events]")
{
    for (const uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{127}, uint64_t{128}, uint64_t{16383},
                                  uint64_t{16384}, UNPAIRED_LOGGED_LARGEST}) {
        unpaired_logged_event_word put{};
        unpaired_logged_event_put(&put, 7);
        unpaired_logged_event_put(&put, number);
        CHECK(put.length <= UNPAIRED_LOGGED_BYTES);
        unpaired_logged_event_word got{put.bytes, 0};
        CHECK(unpaired_logged_event_get(&got) == 7);
        CHECK(unpaired_logged_event_get(&got) == number);
        CHECK(got.length == put.length);
    }
}

TEST_CASE("counts, bytes and peaks are told anew from the events", "[events]")
{
    TraceBuilder b;
    const uint32_t site = b.site("malloc", {"make@m.c:1", "main@server.c:1"});
    const uint32_t small = b.site("malloc", {"note@m.c:2", "main@server.c:1"});
    b.counter(site, 3);
    b.counted_bytes(site, 250, 4000); // as several threads' would be: an upper bound
    b.counter(small, 3);
    b.counted_bytes(small, 24, 24);
    b.slot({.site = small, .handle = 0x10, .size = 8});
    b.slot({.site = small, .handle = 0x20, .size = 8});
    b.end(UNPAIRED_END_EXIT, 10);
    std::vector<Numbers> events = {acquired(site, 100), acquired(site),     acquired(small, 8), released(1),
                                   released(2),         acquired(site, 50), acquired(small),    released(0),
                                   acquired(small),     released(2)};
    SECTION("where they fit the ledger")
    {
        b.events(events);
        const Trace trace = read(b);
        CHECK(trace.damage.empty());
        CHECK(trace.told_by_events.contains(1));
        CHECK(counter_of(trace, site).acquired == 3);
        CHECK(counter_of(trace, site).bytes == 250);
        CHECK(counter_of(trace, site).peak_bytes == 200);
        CHECK(counter_of(trace, site).released == 3);
        CHECK(counter_of(trace, small).peak_bytes == 16);
        CHECK(counter_of(trace, small).released == 1);
        const std::vector<PairedImage> images = pair(trace);
        REQUIRE(images.size() == 1);
        CHECK(images[0].sites[0].released == 3);
        CHECK(images[0].sites[1].live.size() == 2);
    }
    SECTION("and where one releases what is not there, that is damage, and the ledger counts")
    {
        events.push_back(released(6));
        b.events(events);
        const Trace trace = read(b);
        CHECK(tells(trace, "1 of 11 events make no sense"));
        CHECK_FALSE(trace.told_by_events.contains(1));
        CHECK(counter_of(trace, site).peak_bytes == 4000);
    }
    SECTION("and where they count what the ledger does not, too")
    {
        for (int i = 0; i < 5; i++)
            events.push_back(acquired(small));
        b.events(events);
        const Trace trace = read(b);
        CHECK(tells(trace, "does not fit the ledger"));
        CHECK(counter_of(trace, small).acquired == 3);
    }
    SECTION("not where some found no room")
    {
        b.events(events);
        b.header.drops[UNPAIRED_DROP_EVENT] = 7;
        const Trace trace = read(b);
        CHECK_FALSE(trace.told_by_events.contains(1));
        CHECK(counter_of(trace, site).peak_bytes == 4000);
    }
    SECTION("nor where they are not asked for")
    {
        b.events(events);
        const Trace trace = read_trace(b.bytes(), "test.trace", Events::leave);
        CHECK(trace.damage.empty());
        CHECK(counter_of(trace, site).peak_bytes == 4000);
    }
}

TEST_CASE("sizes that do not fit beside the site, other retirements and unknown kinds are understood",
          "[events]")
{
    TraceBuilder b;
    const uint32_t site = b.site("malloc", {"make@m.c:1", "main@server.c:1"});
    const uint64_t large = UINT64_C(1) << 40;
    b.events({other(UNPAIRED_LOGGED_TIME, 12),
              other(UNPAIRED_LOGGED_SIZE, large),
              {uint64_t{site} << 2 | UNPAIRED_LOGGED_ACQUIRED_SIZED, 0},
              acquired(site, 10),
              acquired(site),
              acquired(site),
              other(UNPAIRED_LOGGED_UNSEEN, 0),
              other(UNPAIRED_LOGGED_LOST, 1),
              other(UNPAIRED_LOGGED_EARLIER, 3),
              other(UNPAIRED_LOGGED_SIZE, 1000),
              other(UNPAIRED_LOGGED_RESIZED, 3),
              other(UNPAIRED_LOGGED_CAME_HOME, 2),
              acquired(site, 5000)});
    b.counter(site, 5, 0, 1);
    b.counted_bytes(site, large + 30 + 5000, large + 30);
    b.anomaly({.kind = UNPAIRED_ANOMALY_STORAGE_FREED_LIVE,
               .function = "free",
               .acquire_site = site,
               .space = "heap"});
    b.slot({.site = site, .handle = 0x10, .size = 1000});
    b.slot({.site = site, .handle = 0x20, .size = 5000});
    const Trace trace = read(b);
    CHECK(trace.damage.empty());
    REQUIRE(trace.told_by_events.contains(1));
    CHECK(counter_of(trace, site).bytes == large + 30 + 5000);
    CHECK(counter_of(trace, site).peak_bytes == large + 30);
    CHECK(counter_of(trace, site).released == 1);
    CHECK(counter_of(trace, site).released_unseen == 1);
}

TEST_CASE("what another thread released and the shard has not heard of is told by the slot", "[events]")
{
    TraceBuilder b;
    const uint32_t site = b.site("malloc", {"make@m.c:1", "main@server.c:1"});
    b.events({acquired(site, 10), acquired(site)});
    b.counter(site, 2);
    b.slot({.site = site, .handle = 0x10, .size = 10, .flags = UNPAIRED_SLOT_AWAY, .live = false});
    b.slot({.site = site, .handle = 0x20, .size = 10});
    const Trace trace = read(b);
    CHECK(trace.damage.empty());
    REQUIRE(trace.told_by_events.contains(1));
    CHECK(counter_of(trace, site).released == 1);
}

TEST_CASE("a shard's extents are one log, and each shard has its own", "[events]")
{
    TraceBuilder b;
    const uint32_t site = b.site("malloc", {"make@m.c:1", "main@server.c:1"});
    b.events({acquired(site, 10), acquired(site)}, 0, 0, 1);
    b.events({acquired(site, 1000)}, 0, 0, 2);
    b.events({released(1), acquired(site), released(0), released(1)}, 2, 1, 1);
    b.counter(site, 4);
    b.slot({.site = site, .handle = 0x10, .size = 1000});
    SECTION("and their peaks are added")
    {
        const Trace trace = read(b);
        CHECK(trace.damage.empty());
        REQUIRE(trace.told_by_events.contains(1));
        CHECK(counter_of(trace, site).peak_bytes == 1020);
        CHECK(counter_of(trace, site).released == 3);
    }
    SECTION("one that is missing is told, and the ledger counts")
    {
        b.events({acquired(site, 1000)}, 7, 3, 1);
        b.end(UNPAIRED_END_EXIT, 10);
        const Trace trace = read(b);
        CHECK(tells(trace, "parts of the log of every event are missing"));
        CHECK_FALSE(trace.told_by_events.contains(1));
        CHECK(counter_of(trace, site).acquired == 4);
    }
}

TEST_CASE("long lives are followed through any number of others", "[events]")
{
    TraceBuilder b;
    const uint32_t old = b.site("malloc", {"keep@m.c:1", "main@server.c:1"});
    const uint32_t brief = b.site("malloc", {"use@m.c:2", "main@server.c:1"});
    constexpr uint64_t kept = 3000, pairs = 40000;
    std::vector<Numbers> events;
    for (uint64_t i = 0; i < kept; i++)
        events.push_back(acquired(old, i % 100));
    for (uint64_t i = 0; i < pairs; i++) {
        events.push_back(acquired(brief, 5));
        events.push_back(released(0));
    }
    for (uint64_t i = 0; i < kept; i++)
        events.push_back(released(pairs + (i * 7) % kept)); // 7 and 3000 share no divisor: each once
    b.events(events);
    b.counter(old, kept);
    b.counter(brief, pairs);
    const Trace trace = read(b);
    CHECK(trace.damage.empty());
    REQUIRE(trace.told_by_events.contains(1));
    CHECK(counter_of(trace, old).released == kept);
    CHECK(counter_of(trace, old).bytes == 30 * (99 * 100 / 2));
    CHECK(counter_of(trace, old).peak_bytes == counter_of(trace, old).bytes);
    CHECK(counter_of(trace, brief).peak_bytes == 5);
}

TEST_CASE("a compressed trace that is too large for memory is read all the same", "[events]")
{
    TraceBuilder b;
    const uint32_t site = b.site("malloc", {"make@m.c:1", "main@server.c:1"});
    for (int i = 0; i < 5000; i++) // 20 MB of them
        b.events({});
    b.events({acquired(site, 10), released(0)});
    b.counter(site, 1);
    const std::vector<uint8_t> bytes = b.bytes();
    std::vector<uint8_t> packed(ZSTD_compressBound(bytes.size()));
    packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 1));
    const Trace trace = read_trace(packed, "test.trace");
    CHECK(trace.damage.empty());
    REQUIRE(trace.told_by_events.contains(1));
    CHECK(counter_of(trace, site).peak_bytes == 10);
}

TEST_CASE("any bytes at all are read as events without harm", "[events]")
{
    std::mt19937_64 random(1);
    for (int round = 0; round < 200; round++) {
        TraceBuilder b;
        const uint32_t site = b.site("malloc", {"make@m.c:1", "main@server.c:1"});
        std::vector<Numbers> events;
        for (int i = 0; i < 50; i++) {
            events.push_back({random() >> (random() % 60)});
            events.push_back({random() >> (36 + random() % 28), random() >> (36 + random() % 28)});
        }
        b.events(events);
        b.counter(site, 1);
        std::vector<uint8_t> bytes = b.bytes();
        for (int i = 0; i < 20; i++)
            bytes[bytes.size() - 4096 + 96 + random() % 1000] = static_cast<uint8_t>(random());
        bytes.resize(bytes.size() - random() % 4096);
        CHECK_NOTHROW(read_trace(bytes, "test.trace"));
    }
}
