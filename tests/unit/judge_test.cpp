#include "analyze_helpers.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::test;

namespace {

const std::vector<std::string> stack = {"f@f.c:3", "main@main.c:9"};

Severity severity_of(const TraceBuilder &builder, bool running = false)
{
    Report report = report_of(builder, {}, running);
    REQUIRE(report.images.size() == 1);
    REQUIRE(report.images[0].findings.size() == 1);
    return report.images[0].findings[0].severity;
}

/// `count` left of `function`, ended as said: "exit", "kill", "truncated", "exec", "running".
Severity left(const char *function, uint64_t count, const std::string &ending,
              const std::vector<std::string> &where = stack)
{
    TraceBuilder builder;
    builder.leak(builder.site(function, where), count, 20);
    if (ending == "exit")
        builder.end(UNPAIRED_END_EXIT, 1000);
    if (ending == "kill")
        builder.child_end(100, 9, 1000);
    if (ending == "exec")
        builder.exec(100, "/bin/true", 0, 1000);
    return severity_of(builder, ending == "running");
}

} // namespace

TEST_CASE("memory of unknown reachability is suspect when two or more from one stack were never released")
{
    for (const char *ending : {"exit", "kill", "truncated"}) {
        CHECK(left("malloc", 1, ending) == Severity::note);
        CHECK(left("malloc", 2, ending) == Severity::suspect);
    }
}

TEST_CASE("what a killed program had just acquired and always gave back before is its working set")
{
    auto young = [](uint64_t released) {
        TraceBuilder builder;
        uint32_t site = builder.site("malloc", stack);
        for (uint32_t i = 0; i < 20; i++)
            builder.slot({.site = site, .handle = i, .size = 8, .time_ms = 9900 + i});
        builder.counter(site, 20 + released);
        builder.child_end(100, 9, 10000);
        return severity_of(builder);
    };
    CHECK(young(5000) == Severity::note);
    CHECK(young(0) == Severity::suspect);
}

TEST_CASE("what is live in a running or replaced program is a note until it grows")
{
    CHECK(left("malloc", 50, "running") == Severity::note);
    CHECK(left("accept4", 5, "running") == Severity::note);
    CHECK(left("malloc", 50, "exec") == Severity::note);
    CHECK(left("accept4", 5, "exec") == Severity::note);

    TraceBuilder builder;
    uint32_t site = builder.site("malloc", stack);
    for (uint32_t i = 0; i < 20; i++)
        builder.slot({.site = site, .handle = i, .size = 8, .time_ms = i * 100});
    builder.counter(site, 20);
    CHECK(severity_of(builder, true) == Severity::suspect);
}

TEST_CASE("a descriptor or stream that is open at a normal exit is suspect")
{
    CHECK(left("accept4", 1, "exit") == Severity::suspect);
    CHECK(left("fopen", 1, "exit") == Severity::suspect);
    CHECK(left("lwip_socket", 1, "exit") == Severity::suspect);
    CHECK(left("accept4", 1, "kill") == Severity::note);
    CHECK(left("accept4", 3, "kill") == Severity::suspect);
}

TEST_CASE("a standard stream that was put in place and stays open is a note beside a leak from the same call")
{
    TraceBuilder builder;
    uint32_t site = builder.site("open", stack);
    builder.slot({.site = site, .handle = 1});
    builder.slot({.site = site, .handle = 7});
    builder.counter(site, 2);
    builder.end(UNPAIRED_END_EXIT, 1000);

    std::vector<Finding> findings = findings_of(builder, "never-released");

    REQUIRE(findings.size() == 2);
    CHECK(findings[0].severity == Severity::suspect);
    CHECK(findings[0].count == 1);
    CHECK(findings[1].severity == Severity::note);
    CHECK(findings[0].id != findings[1].id);
}

TEST_CASE("what may live as long as the program is a note unless it grows")
{
    CHECK(left("pthread_create", 5, "exit") == Severity::note);
    CHECK(left("pthread_rwlock_init", 5, "exit") == Severity::note);
}

TEST_CASE("growth over three cycles makes a leak of anything that was never released")
{
    for (const char *function : {"malloc", "accept4", "pthread_create", "pthread_rwlock_init"}) {
        TraceBuilder builder;
        uint32_t site = builder.site(function, stack);
        for (uint32_t cycle = 1; cycle <= 5; cycle++) {
            builder.mark(cycle, cycle * 10);
            builder.slot({.site = site, .handle = 10 + cycle, .time_ms = cycle * 10 + 1, .cycle = cycle});
        }
        builder.counter(site, 5);
        Report report = report_of(builder);
        const Finding &finding = report.images.at(0).findings.at(0);
        CHECK(finding.severity == Severity::leak);
        CHECK(finding.growth == Growth::linear);
        CHECK(finding.per_cycle == Approx(1.0));
        CHECK(report.images[0].trace.cycles == 5);
    }
}

TEST_CASE("what the system's libraries keep once for themselves is a note")
{
    CHECK(left("open", 1, "exit", {"libc.so.6!init_cacheinfo"}) == Severity::note);
    CHECK(left("open", 1, "exit", {"libc.so.6!setup", "main@main.c:1"}) == Severity::suspect);
}

TEST_CASE("lwIP's start-up is for life, what a program allocates later through it is not")
{
    CHECK(left("lwip_socket", 3, "exit", {"libown.so!tcpip_init", "main@main.c:1"}) == Severity::note);
    CHECK(left("lwip_socket", 3, "exit", {"libown.so!netconn_new", "main@main.c:1"}) == Severity::suspect);
}

TEST_CASE("a timeout of lwIP that put itself up again is for life, what a timeout's function acquires is not")
{
    const std::string timers = "libown.so!sys_check_timeouts", thread = "libown.so!tcpip_thread";
    CHECK(left("memp_malloc", 3, "exit", {"libown.so!sys_timeout_abs", timers, thread}) == Severity::note);
    CHECK(left("memp_malloc", 3, "exit",
               {"libown.so!tcp_alloc", "libown.so!tcp_new", "reconnect@main.c:5", timers, thread}) ==
          Severity::suspect);
    CHECK(left("malloc", 3, "exit", {"on_timeout@main.c:5", timers, thread}) == Severity::suspect);
}

TEST_CASE("findings are ordered worst first, and equal traces give equal reports")
{
    auto build = [](bool reversed) {
        TraceBuilder builder;
        std::vector<std::pair<const char *, uint64_t>> kinds = {
            {"malloc", 1}, {"accept4", 3}, {"calloc", 40}};
        if (reversed)
            std::reverse(kinds.begin(), kinds.end());
        for (auto [function, count] : kinds)
            builder.leak(builder.site(function, {std::string("f_") + function + "@f.c:1", "main@m.c:1"}),
                         count, 8);
        builder.end(UNPAIRED_END_EXIT, 1000);
        return report_of(builder).images.at(0).findings;
    };
    std::vector<Finding> findings = build(false), reversed = build(true);

    REQUIRE(findings.size() == 3);
    CHECK(findings[0].function == "calloc");
    CHECK(findings[1].function == "accept4");
    CHECK(findings[2].severity == Severity::note);
    for (size_t i = 0; i < 3; i++)
        CHECK(findings[i].id == reversed[i].id);
}

TEST_CASE("the stack that holds most handles explains a limit that was reached")
{
    TraceBuilder builder;
    uint32_t accept = builder.site("accept4", stack),
             open = builder.site("open", {"log@l.c:1", "main@main.c:2"});
    builder.limit("fd", "FD_SETSIZE", 1024);
    builder.limit("fd", "RLIMIT_NOFILE", 64);
    builder.leak(accept, 58, 0, 5);
    builder.leak(open, 2, 0, 3);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_LIMIT_REACHED,
                     .function = "open",
                     .acquire_site = open,
                     .result = -1,
                     .error = 24,
                     .count = 9,
                     .space = "fd"});
    builder.child_end(100, 9, 100);

    Report report = report_of(builder);

    CHECK(findings_of(report, "limit-reached").empty());
    const Finding &worst = report.images.at(0).findings.at(0);
    CHECK(worst.function == "accept4");
    REQUIRE(worst.forecast);
    CHECK(worst.forecast->reached);
    CHECK(worst.forecast->limit == 64);
    CHECK(worst.forecast->limit_name == "RLIMIT_NOFILE");
    CHECK(worst.forecast->at_acquisition == 58);
}

TEST_CASE("a limit that was reached and then recovered from is suspect by itself")
{
    TraceBuilder builder;
    uint32_t accept = builder.site("accept4", stack);
    builder.counter(accept, 2000, 3);
    builder.limit("fd", "RLIMIT_NOFILE", 64);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_LIMIT_REACHED,
                     .function = "accept4",
                     .acquire_site = accept,
                     .count = 3,
                     .space = "fd"});

    std::vector<Finding> findings = findings_of(builder, "limit-reached");

    REQUIRE(findings.size() == 1);
    CHECK(findings[0].severity == Severity::suspect);
    CHECK(findings[0].forecast->limit == 64);
    CHECK(findings[0].count == 3);
}

TEST_CASE("a program that died with a descriptor too high for select is told so")
{
    TraceBuilder builder;
    builder.limit("fd", "FD_SETSIZE", 1024);
    builder.leak(builder.site("accept4", stack), 1030, 0, 5);
    SECTION("killed by the abort in __fdelt_chk")
    {
        builder.child_end(100, 6, 100);
        Report report = report_of(builder);
        const Finding &finding = report.images.at(0).findings.at(0);
        REQUIRE(finding.forecast);
        CHECK(finding.forecast->limit_name == "FD_SETSIZE");
        CHECK(finding.forecast->at_acquisition == 1020); // got descriptor 1024
        CHECK(report.images[0].trace.end == "signal:6");
    }
    SECTION("a program that ended well does not use select")
    {
        builder.end(UNPAIRED_END_EXIT, 100);
        CHECK_FALSE(report_of(builder).images.at(0).findings.at(0).forecast);
    }
}
