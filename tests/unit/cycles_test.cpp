#include "passes/cycles.h"

#include "analyze_helpers.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::test;

namespace {

const std::vector<std::string> connects = {"connect_once@client.c:10", "main@main.c:9"};
const std::vector<std::string> subscribes = {"subscribe@mqtt.c:50", "main@main.c:10"};
const std::vector<std::string> logs = {"log_line@log.c:7", "main@main.c:11"};

ImageReport image_of(const TraceBuilder &builder, const std::string &cycle_function = "")
{
    AnalyzeOptions options;
    options.cycle_function = cycle_function;
    return report_of(builder, options).images.at(0);
}

bool has_remark(const ImageReport &image, const std::string &part)
{
    return std::any_of(image.remarks.begin(), image.remarks.end(),
                       [&](const std::string &remark) { return remark.find(part) != std::string::npos; });
}

/// `each` survivors of one site in each of `cycles` cycles, `pause_ms` apart; numbered as a recorder does if asked to.
void leak_in_each(TraceBuilder &builder, uint32_t site, uint32_t cycles, uint32_t each, uint32_t pause_ms,
                  bool numbered = false)
{
    uint64_t handle = site * 0x100000ull;
    for (uint32_t cycle = 1; cycle <= cycles; cycle++)
        for (uint32_t i = 0; i < each; i++)
            builder.slot({.site = site,
                          .handle = handle++,
                          .size = 20,
                          .time_ms = cycle * pause_ms,
                          .cycle = numbered ? cycle : 0});
    builder.counter(site, uint64_t{cycles} * each);
}

/// A client that connects 38 times, closes each socket, and loses two blocks each time; all within a tick of the clock.
TraceBuilder reconnecting_client(uint32_t pause_ms = 0)
{
    TraceBuilder builder;
    builder.counter(builder.site("socket", connects), 38);
    leak_in_each(builder, builder.site("malloc", subscribes), 38, 2, pause_ms);
    builder.end(UNPAIRED_END_EXIT, 39 * pause_ms);
    return builder;
}

} // namespace

// ---- given

TEST_CASE("cycles that marks begin are called what all marks are called")
{
    TraceBuilder builder;
    const uint32_t site = builder.site("malloc", subscribes);
    for (uint32_t cycle = 1; cycle <= 5; cycle++)
        builder.mark(cycle, cycle * 10, "reconnect");
    leak_in_each(builder, site, 5, 1, 10, true);
    SECTION("one name")
    {
        const ImageReport image = image_of(builder);
        CHECK(image.trace.cycle_source == "marks");
        CHECK(image.trace.cycle_name == "reconnect");
        CHECK(image.trace.cycles == 5);
        CHECK(image.series_unit == "cycle");
        CHECK(image.findings.at(0).series.back() == GrowthPoint{5, 5});
    }
    SECTION("two names")
    {
        builder.mark(6, 60, "shutdown");
        CHECK(image_of(builder).trace.cycle_name.empty());
    }
}

TEST_CASE("cycles that a recorder began at each call of a function are exact, though not each has its mark")
{
    TraceBuilder builder;
    builder.note(UNPAIRED_NOTE_CYCLE_FUNCTION, "accept4");
    builder.header.cycle = 1000;
    builder.mark(1, 10);
    const uint32_t site = builder.site("malloc", subscribes);
    leak_in_each(builder, site, 1000, 1, 0, true);

    const ImageReport image = image_of(builder);

    CHECK(image.trace.cycle_source == "function");
    CHECK(image.trace.cycle_name == "accept4");
    CHECK(image.trace.cycles == 1000);
    CHECK(image.findings.at(0).severity == Severity::leak);
    CHECK(image.findings.at(0).per_cycle == Approx(1.0));
    CHECK(image.remarks.empty());
    CHECK(image_of(builder, "accept4").trace.cycles == 1000);
}

TEST_CASE("a child's cycles are those that began while it lived")
{
    TraceBuilder builder;
    for (uint32_t cycle = 1; cycle <= 20; cycle++)
        builder.mark(cycle, cycle * 10);
    builder.image(2, 101, 1, 100, 95, 9);
    const uint32_t site = builder.site("malloc", subscribes, nullptr, UNPAIRED_OWNER_SCOPE, 2);
    for (uint32_t cycle = 10; cycle <= 14; cycle++) // it dies long before its parent
        builder.slot(
            {.site = site, .handle = cycle, .size = 20, .time_ms = cycle * 10, .cycle = cycle, .image = 2});
    builder.counter(site, 5, 0, 0, 2);
    builder.child_end(101, 9, 145);

    const Report report = report_of(builder);

    const ImageReport &child = report.images.at(0);
    REQUIRE(child.trace.pid == 101);
    CHECK(child.trace.cycles == 5);
    CHECK(child.findings.at(0).growth == Growth::linear);
    CHECK(child.findings.at(0).severity == Severity::leak);
    CHECK(child.findings.at(0).series.back() == GrowthPoint{5, 5});
}

TEST_CASE("objects that were lost leave no ages; in how many cycles it happened tells how they grew")
{
    TraceBuilder builder;
    const uint32_t site = builder.site("pthread_rwlock_init", connects);
    for (uint32_t cycle = 1; cycle <= 100; cycle++)
        builder.mark(cycle, cycle * 10);
    uint32_t in_cycles = 0;
    Growth expected = Growth::once;
    double rate = 0;
    SECTION("in all")
    {
        in_cycles = 100;
        expected = Growth::linear;
        rate = 2;
    }
    SECTION("in few")
    {
        in_cycles = 10;
        expected = Growth::step;
        rate = 2;
    }
    builder.counter(site, 200);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_REINITIALISED_LIVE,
                     .function = "pthread_rwlock_init",
                     .acquire_site = site,
                     .count = 200,
                     .space = "rwlock",
                     .cycles = in_cycles});

    const Finding finding = image_of(builder).findings.at(0);

    CHECK(finding.rule == "reinitialised-live");
    CHECK(finding.growth == expected);
    CHECK(finding.per_cycle == Approx(rate));
    CHECK(finding.series.empty());
}

// ---- --cycle on what was recorded without it

TEST_CASE("of a function that the recording was not told of, the number of calls gives a rate, and the "
          "report says so")
{
    const ImageReport image = image_of(reconnecting_client(), "socket");

    CHECK(image.trace.cycle_source == "function");
    CHECK(image.trace.cycle_name == "socket");
    CHECK(image.trace.cycles == 38);
    CHECK(image.findings.at(0).growth == Growth::linear);
    CHECK(image.findings.at(0).per_cycle == Approx(2.0));
    CHECK(image.findings.at(0).severity == Severity::suspect); // numbers alone prove no leak
    CHECK(image.findings.at(0).series.empty());
    CHECK(has_remark(image, "38 calls of socket"));
    CHECK(has_remark(image, "record with --cycle=socket"));
}

TEST_CASE("where all that the function acquired is left, its times begin the cycles")
{
    TraceBuilder builder;
    leak_in_each(builder, builder.site("socket", connects), 20, 1, 100);
    leak_in_each(builder, builder.site("malloc", subscribes), 10, 1, 200); // in every other one
    builder.end(UNPAIRED_END_EXIT, 2050);

    const ImageReport image = image_of(builder, "socket");

    CHECK(image.series_unit == "cycle");
    for (const Finding &finding : image.findings) {
        INFO(finding.function);
        CHECK(finding.severity == Severity::leak);
        CHECK(finding.per_cycle == Approx(finding.function == "socket" ? 1.0 : 0.5));
        CHECK(finding.series.size() == 21);
    }
    CHECK(has_remark(image, "told from the times"));
}

TEST_CASE("the function of --cycle wins over the marks of the recording")
{
    TraceBuilder builder = reconnecting_client();
    for (uint32_t cycle = 1; cycle <= 5; cycle++)
        builder.mark(cycle, 0, "tick");
    CHECK(image_of(builder).trace.cycles == 5);
    CHECK(image_of(builder, "socket").trace.cycles == 38);
    CHECK(image_of(builder, "socket").trace.cycle_source == "function");
}

TEST_CASE("a function that was never called begins no cycles, and none are found instead")
{
    const ImageReport image = image_of(reconnecting_client(), "accept4");
    CHECK(image.trace.cycles == 0);
    CHECK(image.trace.cycle_source.empty());
}

TEST_CASE("a trace tells how often acquirers were called, and releasers only where they began its cycles")
{
    TraceBuilder builder = reconnecting_client();
    const Trace trace = read_trace(builder.bytes(), "x.trace");
    CHECK(calls_told(trace, "socket").calls == 38);
    CHECK(calls_told(trace, "accept4").counted);
    CHECK(calls_told(trace, "accept4").calls == 0);
    CHECK(calls_told(trace, "close").known);
    CHECK_FALSE(calls_told(trace, "close").counted);
    CHECK_FALSE(calls_told(trace, "shutdown").known); // neither acquires nor releases
    CHECK_FALSE(calls_told(trace, "frobnicate").known);

    builder.note(UNPAIRED_NOTE_CYCLE_FUNCTION, "close");
    builder.header.cycle = 7;
    CHECK(calls_told(read_trace(builder.bytes(), "x.trace"), "close").calls == 7);
}

// ---- found

TEST_CASE("the call whose repetition divides the run is found, and the report says which it is")
{
    const ImageReport image = image_of(reconnecting_client());

    CHECK(image.trace.cycle_source == "found");
    CHECK(image.trace.cycle_name == "socket");
    CHECK(image.trace.cycles == 38);
    CHECK(image.findings.at(0).per_cycle == Approx(2.0));
    CHECK(has_remark(image, "cycles: 38 calls of socket in connect_once, client.c:10"));
}

TEST_CASE("a connection is the cycle rather than a file that is opened with every third, though more leaks "
          "go by the file")
{
    TraceBuilder builder;
    builder.counter(builder.site("accept4", connects), 60);
    leak_in_each(builder, builder.site("malloc", subscribes), 60, 1, 0);
    leak_in_each(builder, builder.site("open", logs), 20, 1, 0);
    builder.end(UNPAIRED_END_EXIT, 10);

    const ImageReport image = image_of(builder);

    CHECK(image.trace.cycle_name == "accept4");
    CHECK(image.trace.cycles == 60);
}

TEST_CASE("found cycles prove no leak unless the clock agrees")
{
    CHECK(image_of(reconnecting_client(0)).findings.at(0).severity == Severity::suspect);
    CHECK(image_of(reconnecting_client(100)).findings.at(0).severity == Severity::leak);
}

TEST_CASE("few connections are cycles if several leaks below their caller go by them")
{
    TraceBuilder builder;
    const bool same = GENERATE(true, false);
    const std::vector<std::string> caller =
        same ? std::vector<std::string>{"lost@job.c:5", "session@client.c:3", "main@main.c:9"} : subscribes;
    builder.counter(
        builder.site("socket", {"connect_once@client.c:10", "session@client.c:2", "main@main.c:9"}), 5);
    leak_in_each(builder, builder.site("malloc", caller), 5, 1, 0);
    leak_in_each(builder, builder.site("calloc", caller), 5, 2, 0);
    CHECK((image_of(builder).trace.cycle_source == "found") == same);
}

TEST_CASE("memory that grows by cycles that were only found is no leak as long as something holds it")
{
    const uint8_t state = GENERATE(uint8_t{UNPAIRED_REACH_REACHABLE}, uint8_t{UNPAIRED_REACH_LOST});
    const bool marks = GENERATE(false, true);
    TraceBuilder builder;
    builder.counter(builder.site("socket", connects), 38);
    const uint32_t site = builder.site("malloc", subscribes);
    std::vector<ReachSpec> found;
    for (uint32_t cycle = 1; cycle <= 38; cycle++) {
        if (marks)
            builder.mark(cycle, cycle * 100);
        found.push_back({.slot = builder.slot({.site = site,
                                               .handle = cycle * 0x100,
                                               .size = 20,
                                               .time_ms = cycle * 100,
                                               .cycle = marks ? cycle : 0}),
                         .state = state});
    }
    builder.counter(site, 38);
    leak_in_each(builder, builder.site("calloc", logs), 38, 1, 100, marks);
    builder.look(3850, 38, found);
    builder.end(UNPAIRED_END_EXIT, 3900);

    const ImageReport image = image_of(builder);

    REQUIRE(image.trace.cycle_source == (marks ? "marks" : "found"));
    const Finding finding = *std::find_if(image.findings.begin(), image.findings.end(),
                                          [](const Finding &f) { return f.function == "malloc"; });
    const bool doubted = state == UNPAIRED_REACH_REACHABLE && !marks;
    CHECK(finding.severity == (doubted ? Severity::suspect : Severity::leak));
    CHECK(finding.per_cycle == Approx(1.0));
    CHECK((finding.remarks.size() == 1) == doubted);
}

TEST_CASE("what cycles rest on is said once")
{
    TraceBuilder builder = reconnecting_client();
    for (const char *given : {"", "socket"}) {
        const std::vector<std::string> remarks = image_of(builder, given).remarks;
        CHECK(std::count_if(remarks.begin(), remarks.end(),
                            [](const std::string &remark) { return remark.starts_with("cycles:"); }) == 1);
    }
}

TEST_CASE("a finding is not evidence for its own call alone")
{
    TraceBuilder builder;
    leak_in_each(builder, builder.site("socket", connects), 38, 1, 0);
    SECTION("alone") { CHECK(image_of(builder).trace.cycle_source.empty()); }
    SECTION("another one agrees")
    {
        leak_in_each(builder, builder.site("malloc", subscribes), 38, 2, 0);
        const ImageReport image = image_of(builder);
        CHECK(image.trace.cycle_name == "socket");
        for (const Finding &finding : image.findings)
            CHECK(finding.per_cycle == Approx(finding.function == "socket" ? 1.0 : 2.0));
    }
}

TEST_CASE(
    "of several calls the one that most findings agree on is the cycle, and a socket rather than memory")
{
    TraceBuilder builder;
    leak_in_each(builder, builder.site("malloc", subscribes), 38, 2, 0);
    leak_in_each(builder, builder.site("calloc", subscribes), 38, 1, 0);
    builder.counter(builder.site("malloc", connects), 38);
    builder.counter(builder.site("open", logs), 76); // agrees with one of them
    builder.counter(builder.site("socket", connects), 38);
    const ImageReport image = image_of(builder);
    CHECK(image.trace.cycle_name == "socket");
    CHECK(image.trace.cycles == 38);
}

TEST_CASE("memory is a cycle only if it comes from the same call of the program, often enough, and the clock "
          "agrees")
{
    TraceBuilder builder;
    const uint32_t calls = GENERATE(10, 40), pause_ms = GENERATE(0, 100);
    leak_in_each(builder, builder.site("malloc", {"lost@job.c:5", "do_job@job.c:3", "main@main.c:9"}), calls,
                 1, pause_ms);
    const bool same = GENERATE(true, false);
    const std::vector<std::string> caller =
        same ? std::vector<std::string>{"kept@job.c:6", "do_job@job.c:3", "main@main.c:9"} : logs;
    builder.counter(builder.site("calloc", caller), calls);
    builder.end(UNPAIRED_END_EXIT, (calls + 1) * pause_ms);
    CHECK((image_of(builder).trace.cycle_source == "found") == (same && calls == 40 && pause_ms == 100));
}

TEST_CASE("no cycles are found in what grew at the start only, in a run that the clock can tell")
{
    TraceBuilder builder;
    builder.counter(builder.site("socket", connects), 38);
    leak_in_each(builder, builder.site("malloc", subscribes), 38, 1, 1);
    builder.end(UNPAIRED_END_EXIT, 60000);
    CHECK(image_of(builder).trace.cycle_source.empty());
}

TEST_CASE("no cycles are found from few files, or from what is no finding that counts")
{
    TraceBuilder builder;
    SECTION("three files and three blocks")
    {
        builder.counter(builder.site("open", logs), 3);
        leak_in_each(builder, builder.site("malloc", subscribes), 3, 1, 0);
    }
    SECTION("the number of files is but near that of the blocks")
    {
        builder.counter(builder.site("open", logs), 20);
        leak_in_each(builder, builder.site("malloc", subscribes), 19, 1, 0);
    }
    SECTION("the blocks are a large multiple of the files")
    {
        builder.counter(builder.site("open", logs), 16);
        leak_in_each(builder, builder.site("malloc", subscribes), 16, 6, 0);
    }
    SECTION("seven sockets, and a leak for each")
    {
        builder.counter(builder.site("socket", connects), 7);
        leak_in_each(builder, builder.site("malloc", subscribes), 7, 1, 0);
    }
    SECTION("the socket was opened once")
    {
        builder.counter(builder.site("socket", connects), 1);
        leak_in_each(builder, builder.site("malloc", subscribes), 38, 1, 0);
    }
    SECTION("locks for life are no evidence")
    {
        builder.counter(builder.site("socket", connects), 38);
        builder.leak(builder.site("pthread_rwlock_init", subscribes), 38);
    }
    CHECK(image_of(builder).trace.cycle_source.empty());
}

TEST_CASE("cycles are not looked for where marks begin them")
{
    TraceBuilder builder = reconnecting_client();
    builder.mark(1, 0, "start");
    CHECK(image_of(builder).trace.cycle_source == "marks");
}

TEST_CASE("of a function's marks the first 128 are kept, then 64 of each doubling")
{
    for (uint32_t cycle = 1; cycle < 128; cycle++)
        CHECK(unpaired_mark_is_kept(cycle));
    uint32_t kept = 0;
    for (uint32_t cycle = 0x10000; cycle < 0x20000; cycle++)
        kept += unpaired_mark_is_kept(cycle) ? 1 : 0;
    CHECK(kept == 64);
    CHECK(unpaired_mark_is_kept(0x80000000u));
    CHECK_FALSE(unpaired_mark_is_kept(0xffffffffu));
}
