#include "analyze_helpers.h"

#include <catch2/catch.hpp>
#include <cerrno>

using namespace unpaired;
using namespace unpaired::test;

namespace {

const std::vector<std::string> stack = {"serve_one@server.c:11", "main@main.c:9"};

/// A trace in which each of `cycles` cycles of a second leaves `each` of `function`, up to an exit a second later.
void leak_each_cycle(TraceBuilder &builder, const std::string &function, uint32_t cycles, uint32_t each = 1,
                     uint64_t size = 0, const std::vector<std::string> &where = stack, bool marks = true)
{
    const uint32_t site = builder.site(function, where);
    for (uint32_t cycle = 1; cycle <= cycles; cycle++) {
        if (marks)
            builder.mark(cycle, cycle * 1000);
        for (uint32_t i = 0; i < each; i++)
            builder.slot({.site = site,
                          .handle = site * 0x100000 + cycle * 100 + i,
                          .size = size,
                          .time_ms = cycle * 1000,
                          .cycle = marks ? cycle : 0});
    }
    builder.counter(site, uint64_t{cycles} * each);
}

Rare<Forecast> forecast_in(const TraceBuilder &builder, const std::vector<GivenLimit> &limits = {})
{
    AnalyzeOptions options;
    options.limits = limits;
    return findings_of(report_of(builder, options), "never-released").at(0).forecast;
}

} // namespace

TEST_CASE("what grows has the acquisition, the cycle and the time at which it will meet its limit")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 1024);
    leak_each_cycle(builder, "accept4", 100);
    builder.end(UNPAIRED_END_EXIT, 100000);

    const Rare<Forecast> forecast = forecast_in(builder);

    // 100 sockets and the three standard streams are open: 921 are left
    REQUIRE(forecast);
    CHECK(forecast->limit == 1024);
    CHECK(forecast->limit_name == "RLIMIT_NOFILE");
    CHECK_FALSE(forecast->reached);
    CHECK(forecast->at_acquisition == 1021);
    CHECK(forecast->at_cycle == 1021);
    CHECK(forecast->after_s == Approx(1021).margin(1));
}

TEST_CASE("where only some leak, more are acquired before the limit is met")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 64);
    leak_each_cycle(builder, "accept4", 10);
    builder.counter(1, 90); // released: 10 of 100 are left
    builder.end(UNPAIRED_END_EXIT, 10000);

    CHECK(forecast_in(builder)->at_acquisition == 100 + 510);
    CHECK(forecast_in(builder)->at_cycle == 10 + 51);
}

TEST_CASE("everything else that is open counts against the limit, and what grows beside shares what is left")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 103);
    leak_each_cycle(builder, "accept4", 10, 3);
    leak_each_cycle(builder, "open", 10, 1, 0, {"log@log.c:5", "main@main.c:9"});
    builder.leak(builder.site("socket", {"listen_on@server.c:2", "main@main.c:9"}), 20, 0, 0x900000);
    builder.end(UNPAIRED_END_EXIT, 10000);

    SECTION("descriptors") {}
    SECTION("one of them inside a stream")
    {
        builder.limit("fd", "RLIMIT_NOFILE", 104);
        builder.slot({.site = builder.site("fopen", {"log@log.c:9"}), .handle = 0x7000, .descriptor = 99});
    }

    // 30 + 10 + 20 and the standard streams are open, 40 are left, 4 go with each cycle
    const Forecast forecast = *forecast_in(builder);
    CHECK(forecast.at_cycle == 20);
    CHECK(forecast.at_acquisition == 60);
}

TEST_CASE("what does not grow has no forecast")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 1024);
    builder.leak(builder.site("accept4", stack), 100);
    builder.end(UNPAIRED_END_EXIT, 100000);

    CHECK_FALSE(forecast_in(builder));
}

TEST_CASE("the limit that is met first is told, the kernel's where select's is the same")
{
    TraceBuilder builder;
    leak_each_cycle(builder, "accept4", 100);
    builder.end(UNPAIRED_END_EXIT, 100000);
    SECTION("select's below the kernel's")
    {
        builder.limit("fd", "FD_SETSIZE", 1024);
        builder.limit("fd", "RLIMIT_NOFILE", 65536);
        CHECK(forecast_in(builder)->limit_name == "FD_SETSIZE");
    }
    SECTION("both the same")
    {
        builder.limit("fd", "FD_SETSIZE", 1024);
        builder.limit("fd", "RLIMIT_NOFILE", 1024);
        CHECK(forecast_in(builder)->limit_name == "RLIMIT_NOFILE");
    }
    SECTION("a program that changes its limit: the last one counts")
    {
        builder.limit("fd", "RLIMIT_NOFILE", 1024);
        builder.limit("fd", "RLIMIT_NOFILE", 256);
        CHECK(forecast_in(builder)->limit == 256);
    }
    SECTION("no limit at all")
    {
        builder.limit("fd", "RLIMIT_NOFILE", UINT64_MAX);
        CHECK_FALSE(forecast_in(builder));
    }
}

TEST_CASE("without cycles the clock tells when a limit will be met")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 123);
    leak_each_cycle(builder, "accept4", 20, 1, 0, stack, false);
    builder.end(UNPAIRED_END_EXIT, 20000);

    const Rare<Forecast> forecast = forecast_in(builder);

    REQUIRE(forecast);
    CHECK(forecast->at_cycle == 0);
    CHECK(forecast->at_acquisition == 120);
    CHECK(forecast->after_s == Approx(120).margin(1));
}

TEST_CASE("a given limit of a family counts that family alone, one of a space all in it")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 1024);
    leak_each_cycle(builder, "accept4", 10);
    builder.leak(builder.site("open", {"log@log.c:5", "main@main.c:9"}), 5, 0, 0x900000);
    builder.end(UNPAIRED_END_EXIT, 10000);

    const Forecast family = *forecast_in(builder, {{"socket", 30}});
    CHECK(family.limit_name == "--limit socket=30");
    CHECK(family.at_cycle == 30);

    CHECK(forecast_in(builder, {{"fd", 38}})->at_cycle == 30); // five files and three standard streams
}

TEST_CASE("a size is met by bytes, those of other families of the heap included")
{
    TraceBuilder builder;
    leak_each_cycle(builder, "malloc", 10, 2, 20);
    builder.leak(builder.site("_Znam", {"log@log.c:5", "main@main.c:9"}), 1, 200, 0x900000);
    builder.end(UNPAIRED_END_EXIT, 10000);

    const Rare<Forecast> forecast = forecast_in(builder, {{"heap", 1000, true}});

    REQUIRE(forecast);
    CHECK(forecast->limit == 1000);
    CHECK(forecast->limit_name == "--limit heap=1000B");
    CHECK(forecast->at_cycle == 20); // 600 are in use, 40 go with each cycle
    CHECK(forecast->at_acquisition == 40);
}

TEST_CASE("a given limit was reached when as much was live, and is told with its cycle")
{
    TraceBuilder builder;
    leak_each_cycle(builder, "accept4", 10);
    builder.end(UNPAIRED_END_EXIT, 10000);

    const Rare<Forecast> forecast = forecast_in(builder, {{"socket", 6}});

    REQUIRE(forecast);
    CHECK(forecast->reached);
    CHECK(forecast->at_acquisition == 6);
    CHECK(forecast->at_cycle == 6);
    CHECK(forecast->after_s == Approx(6));
}

TEST_CASE("a limit that nothing was left to explain is a remark")
{
    TraceBuilder builder;
    builder.leak(builder.site("accept4", stack), 1);
    builder.end(UNPAIRED_END_EXIT, 100);
    AnalyzeOptions options;
    options.limits = {{"socket", 1}};

    const Report report = report_of(builder, options);

    CHECK_FALSE(report.images.at(0).findings.at(0).forecast);
    CHECK(report.images[0].remarks ==
          std::vector<std::string>{"--limit socket=1 was reached: 1 live at a time"});
}

TEST_CASE("a limit that failed acquisitions prove is told with the time of the first")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 64);
    leak_each_cycle(builder, "accept4", 61);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_LIMIT_REACHED,
                     .function = "accept4",
                     .acquire_site = 1,
                     .result = -1,
                     .error = 24,
                     .count = 9,
                     .space = "fd",
                     .last_cycle = 62,
                     .first_ms = 61500,
                     .last_ms = 69000});
    builder.end(UNPAIRED_END_EXIT, 70000);

    const Rare<Forecast> forecast = forecast_in(builder);

    REQUIRE(forecast);
    CHECK(forecast->reached);
    CHECK(forecast->at_acquisition == 61);
    CHECK(forecast->at_cycle == 62);
    CHECK(forecast->after_s == Approx(61.5));
    CHECK(forecast->failed == "accept4");
    CHECK(forecast->error == 24);
    CHECK(forecast->failed_at == 62);
}

TEST_CASE("which call was the first to fail is told only if that is known")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 64);
    leak_each_cycle(builder, "accept4", 61);
    const uint32_t log = builder.site("open", {"log@log.c:5", "main@main.c:9"});
    AnomalySpec failed{.kind = UNPAIRED_ANOMALY_LIMIT_REACHED,
                       .function = "accept4",
                       .acquire_site = 1,
                       .result = -1,
                       .error = 24,
                       .space = "fd",
                       .first_ms = 61500};
    uint64_t expected = 0;
    SECTION("the one after all that are left") { expected = 62; }
    SECTION("some were acquired later, when others had been closed")
    {
        failed.first_ms = 50500;
        expected = 51;
    }
    SECTION("some were given back: nobody knows when") { builder.counter(1, 20); }
    SECTION("it was another's call")
    {
        failed.acquire_site = log;
        failed.function = "open";
    }
    builder.anomaly(failed);
    builder.end(UNPAIRED_END_EXIT, 70000);

    const Rare<Forecast> forecast = forecast_in(builder);

    REQUIRE(forecast);
    CHECK(forecast->failed_at == expected);
    CHECK(forecast->failed == failed.function);
}

TEST_CASE("a stream that could not be had for want of a descriptor met the limit of descriptors")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 8);
    AnomalySpec failed{.kind = UNPAIRED_ANOMALY_LIMIT_REACHED,
                       .function = "fopen",
                       .result = -1,
                       .error = EMFILE,
                       .space = "stream"};
    SECTION("streams hold them")
    {
        builder.leak(builder.site("fopen", stack), 5);
        failed.acquire_site = 1;
        builder.anomaly(failed);
        builder.end(UNPAIRED_END_EXIT, 1000);
        const Rare<Forecast> forecast = forecast_in(builder);
        REQUIRE(forecast);
        CHECK(forecast->limit_name == "RLIMIT_NOFILE");
        CHECK(forecast->limit == 8);
        CHECK(forecast->failed_at == 6);
    }
    SECTION("sockets hold them")
    {
        builder.leak(builder.site("accept4", stack), 5);
        failed.acquire_site = builder.site("fopen", {"log@log.c:5", "main@main.c:9"});
        builder.anomaly(failed);
        builder.end(UNPAIRED_END_EXIT, 1000);
        const Report report = report_of(builder);
        const Finding sockets = findings_of(report, "never-released").at(0);
        REQUIRE(sockets.forecast);
        CHECK(sockets.forecast->limit_name == "RLIMIT_NOFILE");
        CHECK(sockets.forecast->failed == "fopen");
        CHECK(findings_of(report, "limit-reached").empty());
    }
    SECTION("nobody holds them any more")
    {
        failed.acquire_site = builder.site("fopen", stack);
        builder.anomaly(failed);
        builder.end(UNPAIRED_END_EXIT, 1000);
        const Finding finding = findings_of(builder, "limit-reached").at(0);
        REQUIRE(finding.forecast);
        CHECK(finding.forecast->limit == 8);
    }
    SECTION("the system had none, and its limit is not the process's")
    {
        builder.leak(builder.site("fopen", stack), 5);
        failed.acquire_site = 1;
        failed.error = ENFILE;
        builder.anomaly(failed);
        builder.end(UNPAIRED_END_EXIT, 1000);
        CHECK(forecast_in(builder)->limit == 0);
        CHECK(forecast_in(builder)->error == ENFILE);
    }
}

TEST_CASE("what has stopped growing is not forecast, and the report says since when")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 1024);
    SECTION("with cycles that somebody gave the next one will leave as much, but nobody knows when")
    {
        leak_each_cycle(builder, "accept4", 20);
        builder.end(UNPAIRED_END_EXIT, 600000);
        const Finding finding = findings_of(builder, "never-released").at(0);
        REQUIRE(finding.forecast);
        CHECK(finding.forecast->at_cycle == 1021);
        CHECK(finding.forecast->after_s == 0);
        CHECK(finding.remarks.back() == "none of these was acquired in the last 9 min 40 s");
    }
    SECTION("with cycles that were only found it may be over")
    {
        leak_each_cycle(builder, "accept4", 20, 1, 0, stack, false);
        leak_each_cycle(builder, "malloc", 20, 1, 20, {"session@server.c:8", "main@main.c:9"}, false);
        builder.end(UNPAIRED_END_EXIT, 600000);
        CHECK_FALSE(findings_of(builder, "never-released").at(0).forecast);
    }
    SECTION("a program that still runs has done nothing since")
    {
        leak_each_cycle(builder, "accept4", 20, 1, 0, stack, false);
        Trace trace = read_trace(builder.bytes(), "x.trace");
        trace.running_pids = {100};
        Symbolize symbolize = builder.symbols();
        CHECK(analyze({trace}, {}, symbolize).images.at(0).findings.at(0).forecast);
        trace.now_ms = 600000;
        const ImageReport image = analyze({trace}, {}, symbolize).images.at(0);
        CHECK(image.trace.duration_s == Approx(600));
        CHECK_FALSE(image.findings.at(0).forecast);
    }
}

TEST_CASE("what paused before the end grows more slowly, and meets no limit in the past")
{
    TraceBuilder builder;
    builder.limit("fd", "RLIMIT_NOFILE", 63 + 3);
    leak_each_cycle(builder, "accept4", 61);
    builder.end(UNPAIRED_END_EXIT, 85000);

    // 60 in 84 s, and 2 more to go
    CHECK(forecast_in(builder)->after_s == Approx(85 + 2 * 1.4).margin(0.1));
}

TEST_CASE("a limit of which only the failures are known takes its number from --limit")
{
    TraceBuilder builder;
    builder.leak(builder.site("lwip_socket", stack), 38);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_LIMIT_REACHED,
                     .function = "lwip_socket",
                     .acquire_site = 1,
                     .result = -1,
                     .error = 23,
                     .space = "lwip_socket"});
    builder.end(UNPAIRED_END_EXIT, 1000);

    CHECK(forecast_in(builder)->limit == 0);
    CHECK(forecast_in(builder)->reached);
    CHECK(forecast_in(builder, {{"lwip_socket", 38}})->limit == 38);
}
