#include "analyze_helpers.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::test;

namespace {
const std::vector<std::string> acquire_stack = {"connect_one@c.c:3", "main@main.c:9"};
const std::vector<std::string> release_stack = {"drop_one@d.c:5", "main@main.c:10"};
} // namespace

TEST_CASE("a close that fails with the socket still there is one finding, with what went before")
{
    TraceBuilder builder;
    uint32_t open = builder.site("lwip_socket", acquire_stack, "NET");
    uint32_t close = builder.site("lwip_close", release_stack);
    for (uint64_t i = 0; i < 37; i++)
        builder.slot({.site = open, .handle = i, .release_site = close, .observed = "lwip_shutdown"});
    builder.slot({.site = open, .handle = 37});
    builder.counter(open, 38);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_RELEASE_FAILED,
                     .function = "lwip_close",
                     .acquire_site = open,
                     .release_site = close,
                     .result = -1,
                     .error = 0,
                     .count = 37,
                     .observed = "lwip_shutdown"});
    builder.end(UNPAIRED_END_EXIT, 100);

    Report report = report_of(builder);

    REQUIRE(report.images.at(0).findings.size() == 1);
    const Finding &finding = report.images[0].findings[0];
    CHECK(finding.rule == "release-failed");
    CHECK(finding.severity == Severity::leak);
    CHECK(finding.family == "lwip_socket");
    CHECK(finding.function == "lwip_socket");
    CHECK(finding.owner == "NET");
    CHECK(finding.count == 37);
    CHECK(finding.acquired == 38);
    REQUIRE(finding.failed_release);
    CHECK(finding.failed_release->function == "lwip_close");
    CHECK(finding.failed_release->result == -1);
    CHECK(finding.failed_release->count == 37);
    CHECK(finding.failed_release->preceded_by == "lwip_shutdown");
    CHECK(finding.failed_release->stack.at(0).function == "drop_one");
    CHECK(finding.blame.function == "connect_one");
    CHECK(report.images[0].totals.at("lwip_socket").failed_releases == 37);
}

TEST_CASE("the frame of a failed release to look at is chosen as the blame is")
{
    TraceBuilder builder;
    const uint32_t open = builder.site("socket", acquire_stack),
                   close = builder.site("close",
                                        {"libmodbus.so.5!modbus_close", "drop_one@d.c:5", "main@main.c:10"});
    builder.slot({.site = open, .handle = 7, .release_site = close});
    builder.counter(open, 1);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_RELEASE_FAILED,
                     .function = "close",
                     .acquire_site = open,
                     .release_site = close,
                     .result = -1});

    const Finding finding = findings_of(builder, "release-failed").at(0);

    CHECK(finding.failed_release->at.function == "drop_one");
    CHECK(finding.failed_release->at.line == 5);
}

TEST_CASE("what came before failed releases is told if it came before each of them")
{
    TraceBuilder builder;
    const uint32_t open = builder.site("lwip_socket", acquire_stack),
                   close = builder.site("lwip_close", release_stack);
    for (uint64_t i = 0; i < 5; i++)
        builder.slot({.site = open, .handle = i, .release_site = close, .observed = "lwip_shutdown"});
    builder.slot({.site = open, .handle = 5, .release_site = close});
    builder.counter(open, 6);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_RELEASE_FAILED,
                     .function = "lwip_close",
                     .acquire_site = open,
                     .release_site = close,
                     .result = -1,
                     .count = 6,
                     .observed = "lwip_shutdown"}); // before the first of them

    const Finding finding = findings_of(builder, "release-failed").at(0);

    CHECK(finding.failed_release->preceded_by.empty());
    CHECK(finding.remarks == std::vector<std::string>{"lwip_shutdown had returned 0 for 5 of them only"});
}

TEST_CASE("a release that failed and then succeeded is no finding")
{
    TraceBuilder builder;
    uint32_t open = builder.site("lwip_socket", acquire_stack);
    builder.counter(open, 5);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_RELEASE_FAILED,
                     .function = "lwip_close",
                     .acquire_site = open,
                     .result = -1,
                     .count = 3});

    CHECK(report_of(builder).images.at(0).findings.empty());
}

TEST_CASE("many that nobody tried to release are a second fault beside a few that failed")
{
    TraceBuilder builder;
    uint32_t open = builder.site("lwip_socket", acquire_stack);
    uint32_t close = builder.site("lwip_close", release_stack);
    builder.leak(open, 20);
    builder.slot({.site = open, .handle = 90, .release_site = close});
    builder.counter(open, 1);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_RELEASE_FAILED,
                     .function = "lwip_close",
                     .acquire_site = open,
                     .release_site = close});

    Report report = report_of(builder);

    REQUIRE(findings_of(report, "release-failed").size() == 1);
    CHECK(findings_of(report, "release-failed")[0].count == 1);
    REQUIRE(findings_of(report, "never-released").size() == 1);
    CHECK(findings_of(report, "never-released")[0].count == 20);
}

TEST_CASE("locks whose memory was freed are one leak with the free that did it")
{
    TraceBuilder builder;
    uint32_t init = builder.site("pthread_rwlock_init", acquire_stack, "WASM");
    uint32_t free_site = builder.site("free", release_stack);
    builder.counter(init, 1000);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_STORAGE_FREED_LIVE,
                     .function = "free",
                     .acquire_site = init,
                     .release_site = free_site,
                     .count = 700});
    builder.anomaly({.kind = UNPAIRED_ANOMALY_REINITIALISED_LIVE,
                     .function = "pthread_rwlock_init",
                     .acquire_site = init,
                     .release_site = init,
                     .count = 299});
    builder.slot({.site = init, .handle = 0x10});

    Report report = report_of(builder);

    REQUIRE(report.images.at(0).findings.size() == 1);
    const Finding &finding = report.images[0].findings[0];
    CHECK(finding.rule == "storage-freed-live");
    CHECK(finding.severity == Severity::leak);
    CHECK(finding.count == 999);
    REQUIRE(finding.ended_by);
    CHECK(finding.ended_by->function == "free");
    CHECK(finding.ended_by->stack.at(0).function == "drop_one");
    CHECK(finding.remarks.size() == 2);
    CHECK(report.images[0].totals.at("rwlock").unpaired == 1000);
    CHECK(report.images[0].totals.at("rwlock").acquired == 1000);
}

TEST_CASE("a double release is told with both releases and blamed on the second")
{
    TraceBuilder builder;
    uint32_t acquired = builder.site("malloc", acquire_stack);
    uint32_t first = builder.site("free", {"cleanup@x.c:1", "main@main.c:1"});
    uint32_t second = builder.site("free", release_stack);
    builder.counter(acquired, 3);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_DOUBLE_RELEASE,
                     .function = "free",
                     .acquire_site = acquired,
                     .release_site = second,
                     .first_release_site = first,
                     .count = 2});

    std::vector<Finding> findings = findings_of(builder, "double-release");

    REQUIRE(findings.size() == 1);
    CHECK(findings[0].severity == Severity::leak);
    CHECK(findings[0].count == 2);
    CHECK(findings[0].function == "malloc");
    REQUIRE(findings[0].ended_by);
    CHECK(findings[0].ended_by->stack.at(0).function == "cleanup");
    REQUIRE(findings[0].failed_release);
    CHECK(findings[0].failed_release->stack.at(0).function == "drop_one");
    CHECK(findings[0].blame.function == "drop_one");
}

TEST_CASE("a double release of what was forgotten since is told at the release")
{
    TraceBuilder builder;
    uint32_t second = builder.site("free", release_stack);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_DOUBLE_RELEASE,
                     .function = "free",
                     .release_site = second,
                     .space = "heap"});

    std::vector<Finding> findings = findings_of(builder, "double-release");

    REQUIRE(findings.size() == 1);
    CHECK(findings[0].family == "heap");
    CHECK(findings[0].function == "free");
    CHECK(findings[0].stack.at(0).function == "drop_one");
}

TEST_CASE("each kind of doubtful release has its rule and its severity")
{
    struct Expectation {
        unpaired_anomaly_kind kind;
        const char *rule;
        Severity severity;
    };
    const Expectation expectations[] = {
        {UNPAIRED_ANOMALY_MISMATCHED_RELEASE, "mismatched-release", Severity::suspect},
        {UNPAIRED_ANOMALY_FOREIGN_RELEASE, "foreign-release", Severity::note},
        {UNPAIRED_ANOMALY_TAG_OVERWRITTEN, "tag-overwritten", Severity::leak},
        {UNPAIRED_ANOMALY_RELEASED_WITH_ERROR, "released-with-error", Severity::note},
        {UNPAIRED_ANOMALY_REINITIALISED_LIVE, "reinitialised-live", Severity::leak},
        {UNPAIRED_ANOMALY_EXEC_INHERITED, "exec-inherited", Severity::note},
    };
    for (const Expectation &expected : expectations) {
        TraceBuilder builder;
        uint32_t acquired = builder.site("_Znam", acquire_stack);
        uint32_t released = builder.site("free", release_stack);
        builder.counter(acquired, 2);
        builder.anomaly(
            {.kind = expected.kind, .function = "free", .acquire_site = acquired, .release_site = released});

        Report report = report_of(builder);

        INFO(expected.rule);
        REQUIRE(report.images.at(0).findings.size() == 1);
        CHECK(report.images[0].findings[0].rule == expected.rule);
        CHECK(report.images[0].findings[0].severity == expected.severity);
        CHECK(report.images[0].findings[0].function == "_Znam");
    }
}

TEST_CASE("an unlock of what was never locked is a note where it happened")
{
    TraceBuilder builder;
    uint32_t unlock = builder.site("pthread_mutex_unlock", release_stack);
    builder.anomaly({.kind = UNPAIRED_ANOMALY_RELEASE_UNKNOWN,
                     .function = "pthread_mutex_unlock",
                     .release_site = unlock,
                     .result = 1,
                     .count = 4,
                     .space = "held_mutex"});

    std::vector<Finding> findings = findings_of(builder, "release-unknown");

    REQUIRE(findings.size() == 1);
    CHECK(findings[0].severity == Severity::note);
    CHECK(findings[0].count == 4);
    CHECK(findings[0].family == "held_mutex");
    CHECK(findings[0].blame.function == "drop_one");
}

TEST_CASE("a lock is held at exit by a thread that ended or by main, not by a living worker")
{
    TraceBuilder builder;
    uint32_t ended = builder.site("pthread_mutex_lock", {"worker@w.c:1"});
    uint32_t living = builder.site("pthread_mutex_lock", {"waiter@w.c:9"});
    uint32_t by_main = builder.site("pthread_mutex_lock", {"main@m.c:1"});
    builder.thread(2, 101, "worker");
    builder.thread_end(2, 50);
    builder.thread(3, 102, "waiter");
    builder.slot({.site = ended, .handle = 0x10, .thread = 2});
    builder.slot({.site = living, .handle = 0x20, .thread = 3});
    builder.slot({.site = by_main, .handle = 0x30, .thread = 1});

    SECTION("at a normal exit")
    {
        builder.end(UNPAIRED_END_EXIT, 100);
        std::vector<Finding> findings = findings_of(builder, "held-at-exit");
        REQUIRE(findings.size() == 2);
        for (const Finding &finding : findings) {
            CHECK(finding.severity == Severity::suspect);
            CHECK(finding.blame.function != "waiter");
        }
        CHECK(findings_of(builder, "never-released").empty());
    }
    SECTION("when it was killed, main may hold what it likes")
    {
        builder.child_end(100, 9, 100);
        std::vector<Finding> findings = findings_of(builder, "held-at-exit");
        REQUIRE(findings.size() == 1);
        CHECK(findings[0].blame.function == "worker");
        CHECK_THAT(findings[0].remarks.at(0), Catch::Contains("worker"));
    }
}

TEST_CASE("parts are shown with their whole and are no finding of their own")
{
    TraceBuilder builder;
    uint32_t open = builder.site("fopen", acquire_stack);
    uint32_t block = builder.site("malloc", {"libc.so.6!fopen", "connect_one@c.c:3"});
    uint32_t stream = builder.slot({.site = open, .handle = 0x100});
    builder.slot({.site = block, .handle = 0x200, .size = 552, .parent = stream});
    builder.slot({.site = block, .handle = 0x300, .size = 4096, .parent = stream});
    builder.counter(open, 1);
    builder.counter(block, 2);
    builder.end(UNPAIRED_END_EXIT, 100);

    Report report = report_of(builder);

    REQUIRE(report.images.at(0).findings.size() == 1);
    const Finding &finding = report.images[0].findings[0];
    CHECK(finding.function == "fopen");
    CHECK(finding.severity == Severity::suspect);
    CHECK(finding.parts.at("heap").count == 2);
    CHECK(finding.parts.at("heap").bytes == 4648);
    CHECK(report.images[0].totals.at("heap").unpaired == 2);
}

TEST_CASE("handles that are all left, of which none was ever given to a release, say so")
{
    const auto remarks = [](const TraceBuilder &builder) {
        const std::vector<Finding> found = findings_of(builder, "never-released");
        return found.empty() ? std::vector<std::string>{"no finding"} : found.front().remarks;
    };
    const std::vector<std::string> untried = {"no close of any was ever tried"};
    TraceBuilder builder;
    const uint32_t site = builder.site("socket", {"open_one@d.c:5", "main@main.c:10"});
    builder.leak(site, 3);
    builder.end(UNPAIRED_END_EXIT, 100);
    CHECK(remarks(builder) == untried);

    SECTION("but not if others from there were closed")
    {
        builder.counter(site, 2);
        CHECK(remarks(builder).empty());
    }
    SECTION("but not of memory, where another pointer may have been freed")
    {
        TraceBuilder memory;
        memory.leak(memory.site("malloc", {"open_one@d.c:5", "main@main.c:10"}), 3, 20);
        memory.end(UNPAIRED_END_EXIT, 100);
        CHECK(remarks(memory).empty());
    }
}
