// What a look at memory left in a trace.
#include "analyze_helpers.h"
#include "input/read_trace.h"
#include "trace_builder.h"

#include <catch2/catch.hpp>
#include <cstring>

using namespace unpaired;
using namespace unpaired::test;
using Catch::Matchers::Contains;

namespace {

struct Looked : TraceBuilder {
    uint32_t from = site("malloc", {"make@m.c:1", "main@m.c:9"});
    uint32_t first = slot({.site = from, .handle = 0x1000, .size = 20});
    uint32_t second = slot({.site = from, .handle = 0x2000, .size = 30});
    Looked() { counter(from, 2); }

    Trace read() const { return read_trace(bytes(), "looked"); }
};

} // namespace

TEST_CASE("what a look found of a block stands beside its slot")
{
    Looked trace;
    trace.look(100, 2,
               {{.slot = trace.first,
                 .state = UNPAIRED_REACH_POSSIBLY,
                 .holder = UNPAIRED_HOLDER_DATA,
                 .flags = UNPAIRED_REACH_INTERIOR,
                 .at = 0x9000},
                {.slot = trace.second,
                 .state = UNPAIRED_REACH_LOST,
                 .holder = UNPAIRED_HOLDER_BLOCK,
                 .flags = UNPAIRED_REACH_INDIRECT,
                 .by = trace.first,
                 .at = 0x1008}});
    trace.preview(trace.second, "topic");
    const Trace read = trace.read();
    REQUIRE(read.held.size() == 2);
    CHECK(read.held[0].state == Reachability::possibly);
    CHECK(read.held[0].interior);
    CHECK(read.held[0].at == 0x9000);
    CHECK(read.held[1].state == Reachability::lost);
    CHECK(read.held[1].indirect);
    CHECK(read.held[1].by_slot == 0);
    CHECK(read.held[1].beginning == std::vector<uint8_t>{'t', 'o', 'p', 'i', 'c'});
    CHECK(read.looks.at(1).time_ms == 100);
    CHECK(read.looks.at(1).cycle == 2);
    CHECK(read.damage.empty());
}

TEST_CASE("of several looks the latest counts, wherever it stands in the file")
{
    Looked trace;
    const auto found = [&](uint8_t state) {
        return std::vector<ReachSpec>{{.slot = trace.first, .state = state}};
    };
    trace.look(300, 3, found(UNPAIRED_REACH_LOST));
    trace.look(200, 2, found(UNPAIRED_REACH_REACHABLE));
    CHECK(trace.read().held[0].state == Reachability::lost);
    CHECK(trace.read().held[1].state == Reachability::unknown); // nobody looked at it
    CHECK(trace.read().looks.at(1).time_ms == 300);
}

TEST_CASE("what was found of a slot that was used again since is not true of it")
{
    Looked trace;
    trace.look(100, 0, {{.slot = trace.first, .state = UNPAIRED_REACH_LOST, .sequence = 1}});
    CHECK(trace.read().held[0].state == Reachability::unknown);
}

TEST_CASE("a state or a holder that a later version added is not known")
{
    Looked trace;
    trace.look(100, 0, {{.slot = trace.first, .state = 9, .holder = 77}});
    CHECK(trace.read().held[0].state == Reachability::unknown);
}

TEST_CASE("an extent that tells of more entries than it has room for is read as far as it goes")
{
    Looked trace;
    trace.look(100, 0, {{.slot = trace.first, .state = UNPAIRED_REACH_LOST}});
    std::vector<uint8_t> bytes = trace.bytes();
    for (size_t at = UNPAIRED_TRACE_PAGE; at < bytes.size(); at += UNPAIRED_TRACE_PAGE) {
        unpaired_extent extent;
        std::memcpy(&extent, &bytes[at], sizeof extent);
        if (extent.kind == UNPAIRED_EXTENT_REACH) {
            extent.used = UINT32_MAX;
            std::memcpy(&bytes[at], &extent, sizeof extent);
        }
    }
    const Trace read = read_trace(bytes, "looked");
    CHECK(read.held[0].state == Reachability::lost);
    // and one that is cut off
    bytes.resize(bytes.size() - UNPAIRED_TRACE_PAGE + sizeof(unpaired_extent) + 8);
    CHECK(read_trace(bytes, "looked").held.empty());
}

TEST_CASE("the report names the holder by its address")
{
    Looked trace;
    trace.thread(1, 100, "main");
    trace.look(100, 0,
               {{.slot = trace.first,
                 .state = UNPAIRED_REACH_REACHABLE,
                 .holder = UNPAIRED_HOLDER_STACK,
                 .by = 100,
                 .at = 0x9000},
                {.slot = trace.second, .state = UNPAIRED_REACH_LOST}});
    trace.end(UNPAIRED_END_EXIT, 200);
    Symbolize symbolize = trace.symbols();
    const Report report = analyze({trace.read()}, {}, symbolize);
    REQUIRE(report.images.at(0).findings.size() == 1);
    const Finding &finding = report.images[0].findings[0];
    CHECK(finding.severity == Severity::leak);
    CHECK(finding.reachability == "lost");
    CHECK(finding.reached.lost.count == 1);
    CHECK(finding.reached.reachable.bytes == 20);
    CHECK_THAT(finding.held_by, Contains("held by the stack of thread 100 (main)"));
}

TEST_CASE("of a lost block the report tells where the block was freed that pointed to it last")
{
    TraceBuilder trace;
    const uint32_t make = trace.site("malloc", {"make@m.c:1", "main@m.c:9"}),
                   drop = trace.site("free", {"drop@m.c:5", "main@m.c:10"});
    const uint32_t lost = trace.slot({.site = make, .handle = 0x1000, .size = 20}),
                   other = trace.slot({.site = make, .handle = 0x1100, .size = 20}),
                   freed = trace.slot(
                       {.site = make, .handle = 0x2000, .size = 40, .release_site = drop, .live = false});
    trace.counter(make, 3);
    uint64_t at = 0x2018;
    const auto report = [&] {
        TraceBuilder looked = trace;
        looked.look(
            100, 0,
            {{.slot = lost, .holder = UNPAIRED_HOLDER_FREED, .by = freed, .at = at}, {.slot = other}});
        looked.end(UNPAIRED_END_EXIT, 200);
        Symbolize symbolize = looked.symbols();
        return analyze({read_trace(looked.bytes(), "looked")}, {}, symbolize);
    };
    SECTION("and for how many of the finding's")
    {
        const Finding finding = report().images.at(0).findings.at(0);
        CHECK(finding.reached.lost.count == 2);
        CHECK(finding.held_by.empty());
        REQUIRE(finding.last_holder);
        CHECK(finding.last_holder->count == 1);
        CHECK(finding.last_holder->size == 40);
        CHECK(finding.last_holder->function == "free");
        CHECK(finding.last_holder->at.function == "drop");
        CHECK(finding.last_holder->at.line == 5);
        CHECK(finding.last_holder->stack.size() == 2);
    }
    SECTION("but not when its slot tells of other memory by now")
    {
        at = 0x2028;
        const Finding finding = report().images.at(0).findings.at(0);
        CHECK(finding.reached.lost.count == 2);
        CHECK(finding.held_by.empty());
        CHECK(!finding.last_holder);
    }
}

TEST_CASE("of address space that was only reserved the report says why it is not called lost")
{
    TraceBuilder trace;
    const uint32_t reserve = trace.site("malloc", {"reserve@m.c:1", "main@m.c:9"});
    const uint32_t cage =
        trace.slot({.site = reserve, .handle = 0x10000, .size = 0x8000, .flags = UNPAIRED_SLOT_RESERVED});
    trace.counter(reserve, 1);
    trace.look(100, 0, {{.slot = cage, .state = UNPAIRED_REACH_POSSIBLY}});
    trace.end(UNPAIRED_END_EXIT, 200);
    Symbolize symbolize = trace.symbols();
    const Report report = analyze({read_trace(trace.bytes(), "looked")}, {}, symbolize);
    const Finding &finding = report.images.at(0).findings.at(0);
    CHECK(finding.reachability == "possibly");
    REQUIRE(finding.remarks.size() == 1);
    CHECK_THAT(finding.remarks[0], Contains("this is address space that was only reserved (PROT_NONE)"));
}

TEST_CASE("the report names the thread whose thread-local storage holds a block")
{
    Looked trace;
    trace.thread(1, 100, "main");
    trace.look(100, 0,
               {{.slot = trace.first,
                 .state = UNPAIRED_REACH_REACHABLE,
                 .holder = UNPAIRED_HOLDER_TLS,
                 .by = 100,
                 .at = 0x9000}});
    Symbolize symbolize = trace.symbols();
    const Report report = analyze({trace.read()}, {}, symbolize);
    CHECK(report.images.at(0).findings.at(0).held_by == "held by thread-local storage of thread 100 (main)");
}
