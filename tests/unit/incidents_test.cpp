#include "analyze_helpers.h"
#include "passes/incidents.h"
#include "words.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::test;

namespace {

/// An image whose findings are given with the cycles, or times, of their survivors.
struct Built {
    ImageReport image;
    std::map<std::string, Survivors> survivors;

    explicit Built(uint32_t cycles, const std::string &name = "reconnect")
    {
        image.trace.cycles = cycles;
        image.trace.cycle_source = cycles > 0 ? "marks" : "";
        image.trace.cycle_name = cycles > 0 ? name : "";
    }

    Finding &add(const std::string &id, const std::string &family, std::vector<Age> ages, uint64_t size = 0)
    {
        Finding &f = image.findings.emplace_back();
        f.id = id;
        f.rule = "never-released";
        f.severity = Severity::leak;
        f.family = family;
        f.count = ages.size();
        f.bytes = f.count * size;
        f.owner = "MQTT";
        f.growth = Growth::linear;
        f.per_cycle = image.trace.cycles > 0 ? static_cast<double>(f.count) / image.trace.cycles : 0;
        survivors[id].ages = std::move(ages);
        return f;
    }

    std::vector<Incident> incidents() { return find_incidents(image, survivors); }
};

/// `each` survivors in each of the cycles `from` to `to`.
std::vector<Age> in_cycles(uint32_t from, uint32_t to, uint32_t each = 1)
{
    std::vector<Age> ages;
    for (uint32_t cycle = from; cycle <= to; cycle++)
        for (uint32_t i = 0; i < each; i++)
            ages.push_back({cycle, cycle * 100 + i});
    return ages;
}

std::vector<Age> at_times(uint32_t count, uint32_t apart_ms, uint32_t each = 1, uint32_t first_ms = 0)
{
    std::vector<Age> ages;
    for (uint32_t i = 0; i < count * each; i++)
        ages.push_back({0, first_ms + i / each * apart_ms});
    return ages;
}

Frame frame(const std::string &function, int line)
{
    return {function, "/src/client.c", line, "/bin/client", 0x1000 + static_cast<uint64_t>(line), false};
}

void called_from(Finding &finding, std::vector<Frame> stack)
{
    finding.stack = std::move(stack);
    finding.blame = finding.stack.front();
}

} // namespace

TEST_CASE("sites that grow in the same cycles are one incident, told in one sentence")
{
    Built built(38);
    built.add("a", "lwip_socket", in_cycles(1, 38));
    built.add("b", "heap", in_cycles(1, 38, 2), 20);

    const std::vector<Incident> incidents = built.incidents();

    REQUIRE(incidents.size() == 1);
    CHECK(incidents[0].id == 1);
    CHECK(incidents[0].cycles == 38);
    CHECK(incidents[0].per_cycle == "1 lwIP socket, 2 heap blocks (40 B)");
    CHECK(incidents[0].sentence ==
          "each of 38 reconnects leaves 1 lwIP socket and 2 heap blocks (40 B), owner MQTT");
    CHECK(incidents[0].findings == std::vector<std::string>{"a", "b"});
    CHECK(built.image.findings[0].incident == 1);
    CHECK(built.image.findings[1].incident == 1);
}

TEST_CASE("blocks of two sites are added up in an incident, and what holds no bytes stands first")
{
    Built built(10);
    built.add("a", "heap", in_cycles(1, 10), 24);
    built.add("b", "socket", in_cycles(1, 10));
    built.add("c", "heap", in_cycles(1, 10, 2), 8);

    CHECK(built.incidents().at(0).per_cycle == "1 socket, 3 heap blocks (40 B)");
}

TEST_CASE("the first and the last cycle may differ in an incident, for marks stand within the work")
{
    Built built(20);
    built.add("a", "socket", in_cycles(1, 20));
    built.add("b", "heap", in_cycles(0, 19), 40); // acquired before the mark of its cycle

    REQUIRE(built.incidents().size() == 1);
    CHECK(built.incidents()[0].cycles == 20);
}

TEST_CASE("what a warm-up left beside does not change the figure of a cycle")
{
    Built built(30);
    std::vector<Age> ages = in_cycles(1, 30);
    for (int i = 0; i < 9; i++)
        ages.push_back({1, 100});
    built.add("a", "heap", ages, 16);
    built.add("b", "socket", in_cycles(1, 30));

    CHECK(built.incidents().at(0).per_cycle == "1 socket, 1 heap block (16 B)");
}

TEST_CASE("sites that grow in other cycles are no incident")
{
    Built built(40);
    std::vector<Age> even, odd;
    for (uint32_t cycle = 2; cycle <= 40; cycle += 2) {
        even.push_back({cycle, cycle});
        odd.push_back({cycle - 1, cycle});
    }
    built.add("a", "socket", even);
    built.add("b", "heap", odd, 16);

    CHECK(built.incidents().empty());
    CHECK(built.image.findings[0].incident == 0);
}

TEST_CASE("an incident of some cycles says of how many")
{
    Built built(100, "request");
    std::vector<Age> ages;
    for (uint32_t cycle = 10; cycle <= 100; cycle += 10)
        ages.push_back({cycle, cycle});
    built.add("a", "socket", ages);
    built.add("b", "heap", ages, 16);

    CHECK(built.incidents().at(0).sentence ==
          "10 of 100 requests leave 1 socket and 1 heap block (16 B) each, owner MQTT");
}

TEST_CASE("cycles are called what the marks or the function that begins them are called")
{
    TraceInfo trace;
    CHECK(cycle_noun(trace, 2) == "cycles");
    trace.cycle_source = "marks";
    trace.cycle_name = "retry";
    CHECK(cycle_noun(trace, 1) == "retry");
    CHECK(cycle_noun(trace, 38) == "retries");
    trace.cycle_name = "requests";
    CHECK(cycle_noun(trace, 38) == "requests");
    trace.cycle_name = "phase 1";
    CHECK(cycle_noun(trace, 38) == "cycles of phase 1");
    trace.cycle_source = "function";
    trace.cycle_name = "serve_one";
    CHECK(cycle_noun(trace, 1) == "call of serve_one");
    CHECK(cycle_noun(trace, 38) == "calls of serve_one");
}

TEST_CASE("locks that were lost without a trace of each are in step with what grows in every cycle")
{
    Built built(50);
    built.add("a", "heap", in_cycles(1, 50), 64);
    Finding &lost = built.add("b", "rwlock", {});
    lost.rule = "storage-freed-live";
    lost.count = 50;
    lost.per_cycle = 1;
    built.survivors["b"].cycles = 50;

    CHECK(built.incidents().at(0).per_cycle == "1 rwlock, 1 heap block (64 B)");

    built.survivors["b"].cycles = 20;
    CHECK(built.incidents().empty());
}

TEST_CASE(
    "where cycles are counted, but not known by their times, what grows by them is in step by its number")
{
    Built built(40, "serve_one");
    built.image.trace.cycle_source = "found";
    built.add("a", "socket", at_times(40, 10));
    built.add("b", "heap", at_times(40, 10, 2), 20).per_cycle = 2;

    CHECK(built.incidents().at(0).sentence ==
          "each of 40 calls of serve_one leaves 1 socket and 2 heap blocks (40 B), owner MQTT");
}

TEST_CASE("what is left now and then is told by how often, after what is left each time")
{
    Built built(40, "serve_one");
    built.image.trace.cycle_source = "found";
    built.add("a", "stream", at_times(13, 31)).per_cycle = 13.0 / 40;
    built.add("b", "heap", at_times(40, 10), 20);

    CHECK(built.incidents().at(0).sentence == "each of 40 calls of serve_one leaves 1 heap block (20 B) and "
                                              "1 stdio stream in one of about 3, owner MQTT");
}

TEST_CASE("notes, suppressed findings and what leaves nothing are in no incident")
{
    Built built(10);
    built.add("a", "socket", in_cycles(1, 10));
    Finding &other = built.add("b", "heap", in_cycles(1, 10), 8);
    SECTION("a note") { other.severity = Severity::note; }
    SECTION("suppressed") { other.suppressed_by = "leak:connect (known.supp:1)"; }
    SECTION("a double release") { other.rule = "double-release"; }
    SECTION("a cache that was filled in those cycles and no more")
    {
        other.growth = Growth::plateau;
        other.per_cycle = 0;
    }
    CHECK(built.incidents().empty());
}

TEST_CASE("without cycles equal numbers below a shared caller are one incident")
{
    Built built(0);
    called_from(built.add("a", "socket", at_times(38, 500)),
                {frame("open_link", 10), frame("connect_once", 30), frame("main", 90)});
    called_from(built.add("b", "heap", at_times(38, 500, 2, 20), 20),
                {frame("subscribe", 20), frame("connect_once", 31), frame("main", 90)});

    const std::vector<Incident> incidents = built.incidents();

    REQUIRE(incidents.size() == 1);
    CHECK(incidents[0].per_cycle.empty());
    CHECK(incidents[0].cycles == 0);
    CHECK(incidents[0].sentence ==
          "38 times connect_once left 1 socket and 2 heap blocks (40 B), owner MQTT");
}

TEST_CASE("without cycles, sites are not one incident")
{
    Built built(0);
    called_from(built.add("a", "socket", at_times(20, 500)),
                {frame("open_link", 10), frame("connect_once", 30), frame("main", 90)});

    SECTION("that share nothing but main")
    {
        called_from(built.add("b", "heap", at_times(20, 500), 20),
                    {frame("log_line", 50), frame("main", 91)});
    }
    SECTION("whose numbers do not divide")
    {
        called_from(built.add("b", "heap", at_times(27, 370), 20),
                    {frame("subscribe", 20), frame("connect_once", 31), frame("main", 90)});
    }
    SECTION("that grew at other times")
    {
        called_from(built.add("b", "heap", at_times(20, 20, 1, 9000), 20),
                    {frame("subscribe", 20), frame("connect_once", 31), frame("main", 90)});
    }
    SECTION("whose shared caller is called from different places")
    {
        called_from(built.add("b", "heap", at_times(20, 500), 20),
                    {frame("subscribe", 20), frame("connect_once", 31), frame("main", 95)});
    }
    SECTION("of a thread that share nothing but what the thread runs")
    {
        built.image.findings[0].stack = {frame("open_link", 10), frame("worker", 30)};
        called_from(built.add("b", "heap", at_times(20, 500), 20),
                    {frame("log_line", 20), frame("worker", 31)});
    }
    CHECK(built.incidents().empty());
}

TEST_CASE("a recorded trace has its incident in the report")
{
    TraceBuilder builder;
    const uint32_t open = builder.site("socket", {"connect_once@c.c:3", "main@main.c:9"}, "MQTT"),
                   topic = builder.site("malloc", {"subscribe@c.c:7", "main@main.c:9"}, "MQTT");
    for (uint32_t cycle = 1; cycle <= 12; cycle++) {
        builder.mark(cycle, cycle * 100);
        builder.slot({.site = open, .handle = 10 + cycle, .time_ms = cycle * 100, .cycle = cycle});
        builder.slot(
            {.site = topic, .handle = 0x1000 + cycle, .size = 20, .time_ms = cycle * 100, .cycle = cycle});
    }
    builder.counter(open, 12);
    builder.counter(topic, 12);
    builder.end(UNPAIRED_END_EXIT, 1300);

    const Report report = report_of(builder);

    const ImageReport &image = report.images.at(0);
    REQUIRE(image.incidents.size() == 1);
    CHECK(image.incidents[0].per_cycle == "1 socket, 1 heap block (20 B)");
    CHECK(image.incidents[0].findings ==
          std::vector<std::string>{image.findings.at(0).id, image.findings.at(1).id});
}
