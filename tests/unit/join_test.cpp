// Saved reports joined to one: a test suite's.
#include "passes/join.h"

#include <catch2/catch.hpp>

using namespace unpaired;

namespace {

Report report_with(const std::string &function, const std::string &program, int pid)
{
    Finding finding;
    finding.id = function;
    finding.rule = "never-released";
    finding.family = "socket";
    finding.severity = Severity::suspect;
    finding.owner = "MAIN";
    finding.count = 1;
    finding.stack = {{function, "/src/net.c", 1, program, 0, false}};
    Report made;
    made.images.resize(1);
    made.images[0].trace.program = program;
    made.images[0].trace.pid = pid;
    made.images[0].findings = {finding};
    made.remarks = {"the same remark"};
    return made;
}

AnalyzeOptions with_suppressions(const std::string &text)
{
    AnalyzeOptions options;
    options.suppressions = parse_suppressions(text, "s");
    REQUIRE(suppression_problems(options.suppressions).empty());
    return options;
}

} // namespace

TEST_CASE("join: the images of all reports, worst first, and each remark once")
{
    Report worse = report_with("b", "/bin/b", 2);
    worse.images[0].findings[0].severity = Severity::leak;
    const Report joined = join_saved({}, {report_with("a", "/bin/a", 1), worse}, {});
    REQUIRE(joined.images.size() == 2);
    CHECK(joined.images[0].trace.pid == 2);
    CHECK(joined.images[1].trace.pid == 1);
    CHECK(joined.remarks == std::vector<std::string>{"the same remark"});
}

TEST_CASE("join: suppressions and owner rules given now hold for what was saved")
{
    AnalyzeOptions options = with_suppressions("socket:^a$\nsocket:^c$\n");
    options.owner_rules = parse_owner_rules({"b=NETW"});
    const Report joined =
        join_saved({}, {report_with("a", "/bin/a", 1), report_with("b", "/bin/b", 2)}, options);
    // the one that still counts comes first
    CHECK(joined.images.at(0).findings.at(0).owner == "NETW");
    CHECK(joined.images[0].findings[0].suppressed_by.empty());
    CHECK(joined.images.at(1).findings.at(0).suppressed_by == "socket:^a$ (s:1)");
}

TEST_CASE("join: a suppression is unused if neither traces nor saved reports needed it")
{
    const AnalyzeOptions options = with_suppressions("socket:^a$\nsocket:^b$\nsocket:^c$\n");
    Report now = report_with("b", "/bin/b", 2);
    now.unused_suppressions = {{"s:1", "socket:^a$"}, {"s:3", "socket:^c$"}}; // as analyze() left it
    const Report joined = join_saved(now, {report_with("a", "/bin/a", 1)}, options);
    CHECK(joined.unused_suppressions == std::vector<UnusedSuppression>{{"s:3", "socket:^c$"}});
}

TEST_CASE("join: without suppressions now, those that no saved report needed are unused")
{
    Report first = report_with("a", "/bin/a", 1), second = report_with("b", "/bin/b", 2);
    first.unused_suppressions = {{"s:2", "leak:b"}, {"s:3", "leak:c"}};
    second.unused_suppressions = {{"s:1", "leak:a"}, {"s:3", "leak:c"}};
    const Report joined = join_saved({}, {first, second}, {});
    CHECK(joined.unused_suppressions == std::vector<UnusedSuppression>{{"s:3", "leak:c"}});
}
