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
