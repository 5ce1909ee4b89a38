#include "analyze_helpers.h"
#include "writers/json.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace unpaired;
using namespace unpaired::test;

namespace {

const std::vector<std::string> stack = {"f@f.c:3", "main@main.c:9"};

TraceBuilder some_trace()
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", stack, "MQTT"), 3, 20);
    return builder;
}

bool has_remark(const ImageReport &image, const std::string &part)
{
    for (const std::string &remark : image.remarks)
        if (remark.find(part) != std::string::npos)
            return true;
    return false;
}

} // namespace

TEST_CASE("how a program ended is told from its own record and from who waited for it")
{
    TraceBuilder builder = some_trace();
    std::string expected;
    SECTION("it exited")
    {
        builder.end(UNPAIRED_END_EXIT, 1500);
        expected = "exit";
    }
    SECTION("it exited and then died in a destructor")
    {
        builder.end(UNPAIRED_END_EXIT, 1400);
        builder.child_end(100, 11, 1500);
        expected = "signal:11";
    }
    SECTION("it was killed")
    {
        builder.child_end(100, 9, 1500);
        expected = "signal:9";
    }
    SECTION("its exit could not be recorded, but was waited for")
    {
        builder.child_end(100, 3 << 8, 1500);
        expected = "exit";
    }
    SECTION("nobody knows")
    {
        builder.anomaly({.kind = UNPAIRED_ANOMALY_RELEASE_UNKNOWN, .function = "free", .last_ms = 1500});
        expected = "truncated";
    }
    SECTION("it became another program")
    {
        builder.exec(100, "/bin/true", 0, 1400);
        builder.child_end(100, 9, 1500); // that was the other program
        expected = "exec";
    }
    SECTION("it failed to become another program and exited")
    {
        builder.exec(100, "/bin/none", 0, 1400);
        builder.end(UNPAIRED_END_EXEC_FAILED, 1401);
        builder.end(UNPAIRED_END_EXIT, 1500);
        expected = "exit";
    }
    ImageReport image = report_of(builder).images.at(0);
    CHECK(image.trace.end == expected);
    CHECK(image.trace.duration_s == Approx(1.5));
    CHECK(image.trace.pid == 100);
    CHECK(image.trace.parent == 99);
    CHECK(image.trace.program == "/opt/server");
    CHECK(image.trace.source == "preload");
}

TEST_CASE("a parent in another trace tells how its child ended")
{
    TraceBuilder child = some_trace(), parent;
    parent.child_end(100, 6, 900);
    Symbolize symbolize = child.symbols();
    std::vector<Trace> traces;
    traces.push_back(read_trace(child.bytes(), "child"));
    traces.push_back(read_trace(parent.bytes(), "parent"));

    Report report = analyze(traces, {}, symbolize);

    CHECK(report.images.at(0).trace.end == "signal:6");
}

TEST_CASE("a report says what it rests on")
{
    TraceBuilder builder = some_trace();
    builder.header.drops[UNPAIRED_DROP_NO_SPACE] = 12;
    builder.header.control = UNPAIRED_CONTROL_STOPPED;
    builder.note(UNPAIRED_NOTE_FOREIGN_ALLOCATOR, "/opt/server");
    builder.exec(0, "/usr/bin/env", UNPAIRED_EXEC_UNRECORDED, 10);
    builder.open_descriptors({0, 1, 2, 9}, 100);

    ImageReport image = report_of(builder).images.at(0);

    CHECK(image.trace.events_lost == 12);
    CHECK(has_remark(image, "12 acquisitions were not recorded"));
    CHECK(has_remark(image, "brings its own malloc (/opt/server)"));
    CHECK(has_remark(image, "/usr/bin/env"));
    CHECK(has_remark(image, "1 open descriptor is of unknown origin"));
    CHECK(has_remark(image, "ctl stop"));
}

TEST_CASE("a finding says how many events that it may miss could not be recorded")
{
    TraceBuilder builder = some_trace();
    const uint32_t block = builder.site("malloc", {"g@g.c:1", "main@main.c:9"});
    const uint32_t socket = builder.site("socket", {"h@h.c:1", "main@main.c:9"});
    for (uint32_t i = 0; i < 8; i++) {
        builder.slot({.site = block, .handle = 0x1000 + i * 32, .size = 20});
        builder.slot({.site = socket, .handle = 5 + i});
    }
    builder.counter(block, 20);
    builder.counter(socket, 20);
    const auto remarks_of = [&](const char *function) {
        for (const Finding &finding : findings_of(builder, "never-released"))
            if (finding.function == function)
                return finding.remarks;
        return std::vector<std::string>{"no finding"};
    };
    const auto says = [&](const char *function, const char *text) {
        const std::vector<std::string> remarks = remarks_of(function);
        return std::find(remarks.begin(), remarks.end(), text) != remarks.end();
    };
    const char *three = "3 events could not be recorded: releases of these may be among them";

    CHECK_FALSE(says("malloc", three));

    SECTION("of signal handlers, for every resource")
    {
        builder.header.drops[UNPAIRED_DROP_REENTERED] = 3;
        CHECK(says("malloc", three));
        CHECK(says("socket", three));
    }
    SECTION("of handles that were not indexed, not for memory")
    {
        builder.header.drops[UNPAIRED_DROP_INDEX] = 3;
        CHECK_FALSE(says("malloc", three));
        CHECK(says("socket", three));
    }
    SECTION("of memory that was not looked up, not for handles")
    {
        builder.header.drops[UNPAIRED_DROP_SEARCH] = 3;
        CHECK(says("malloc", three));
        CHECK_FALSE(says("socket", three));
    }
    SECTION("of acquisitions that found no room, for none")
    {
        builder.header.drops[UNPAIRED_DROP_NO_SPACE] = 3;
        CHECK_FALSE(says("malloc", three));
        CHECK_FALSE(says("socket", three));
    }
}

TEST_CASE("totals balance and owners are summed")
{
    TraceBuilder builder = some_trace();
    uint32_t site = builder.site("malloc", {"g@g.c:1", "main@main.c:9"});
    builder.counter(site, 10, 2, 1);
    builder.slot({.site = site, .handle = 1, .size = 7});

    ImageReport image = report_of(builder).images.at(0);

    const FamilyTotals &heap = image.totals.at("heap");
    CHECK(heap.acquired == 13);
    CHECK(heap.acquired == heap.released + heap.released_unseen + heap.unpaired);
    CHECK(heap.unpaired == 4);
    CHECK(heap.unpaired_bytes == 67);
    CHECK(heap.failed == 2);
    CHECK(image.owners.at("MQTT").unpaired == 3);
    CHECK(image.owners.at("MQTT").unpaired_bytes == 60);
    CHECK(image.owners.at("unknown").unpaired == 1);
}

TEST_CASE("an owner rule given to the report settles what the program did not declare")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"mqtt_open@m.c:1", "main@main.c:9"}, "MAIN", UNPAIRED_OWNER_THREAD),
                 3, 20);
    builder.leak(builder.site("malloc", {"mqtt_send@m.c:2", "main@main.c:9"}, "WEBS", UNPAIRED_OWNER_SCOPE),
                 4, 20);
    AnalyzeOptions options;
    options.owner_rules = parse_owner_rules({"main=PROG", "mqtt_*=MQTT"});

    ImageReport image = report_of(builder, options).images.at(0);

    CHECK(image.owners.at("MQTT").unpaired == 3); // the innermost frame wins over the first rule
    CHECK(image.owners.at("WEBS").unpaired == 4);
    for (const Finding &finding : image.findings)
        CHECK(finding.owner == (finding.count == 3 ? "MQTT" : "WEBS"));
}

TEST_CASE("a suppressed finding is a note, and an unused suppression is told")
{
    AnalyzeOptions options;
    options.suppressions = parse_suppressions("leak:f\nleak:nobody_calls_this\n", "s.supp");
    REQUIRE(suppression_problems(options.suppressions).empty());

    Report report = report_of(some_trace(), options);

    CHECK_FALSE(report.images.at(0).findings.at(0).suppressed_by.empty());
    CHECK(report.images[0].findings[0].severity == Severity::note);
    CHECK(report.unused_suppressions ==
          std::vector<UnusedSuppression>{{"s.supp:2", "leak:nobody_calls_this"}});
}

TEST_CASE("the JSON has the names of the contract")
{
    TraceBuilder builder = some_trace();
    builder.end(UNPAIRED_END_EXIT, 1000);
    std::ostringstream out;
    write_json(out, report_of(builder));

    nlohmann::json json = nlohmann::json::parse(out.str());

    CHECK(json.at("schema") == "unpaired-report/1");
    const nlohmann::json &image = json.at("images").at(0);
    for (const char *name :
         {"source", "program", "pid", "parent", "end", "duration_s", "events", "events_lost", "cycles"})
        CHECK(image.at("trace").contains(name));
    for (const char *name :
         {"acquired", "released", "released_unseen", "unpaired", "unpaired_bytes", "failed_releases"})
        CHECK(image.at("totals").at("heap").contains(name));
    CHECK(image.at("owners").at("MQTT").at("unpaired") == 3);
    CHECK(image.at("incidents").is_array());
    const nlohmann::json &finding = image.at("findings").at(0);
    for (const char *name :
         {"id", "rule", "severity", "family", "function", "owner", "count", "bytes", "acquired", "released",
          "parts", "per_cycle", "reachability", "blame", "stack"}) {
        INFO(name);
        CHECK(finding.contains(name));
    }
    CHECK(finding.at("severity") == "suspect");
    CHECK(finding.at("blame").at("function") == "f");
    CHECK(finding.at("blame").at("line") == 3);
    CHECK(finding.at("stack").at(1).at("function") == "main");
    CHECK(finding.at("stack").at(1).at("address").get<std::string>().substr(0, 2) == "0x");
    CHECK_FALSE(finding.contains("failed_release"));
}

TEST_CASE("names that are not UTF-8 do not stop the report")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"f\xff\xfe@f.c:3"}), 3, 20);
    std::ostringstream out;
    write_json(out, report_of(builder));
    CHECK(nlohmann::json::parse(out.str()).at("images").size() == 1);
}

// Whatever takes time in the square of the slots would meet the test's own limit, of two minutes.
TEST_CASE("a million live slots from a thousand sites are a thousand findings, and none of them is lost")
{
    TraceBuilder builder;
    for (int s = 0; s < 1000; s++) {
        uint32_t site = builder.site("malloc", {"f" + std::to_string(s) + "@f.c:1", "main@main.c:9"});
        builder.leak(site, 1000, 24, static_cast<uint64_t>(s) << 20);
    }
    const std::vector<uint8_t> bytes = builder.bytes();
    Symbolize symbolize = builder.symbols();

    std::vector<Trace> traces;
    traces.push_back(read_trace(bytes, "x"));
    Report report = analyze(traces, {}, symbolize);

    const ImageReport &image = report.images.at(0);
    CHECK(image.totals.at("heap").unpaired == 1000000);
    CHECK(image.findings.size() == 1000);
    for (const Finding &finding : image.findings)
        CHECK(finding.count == 1000);
}
