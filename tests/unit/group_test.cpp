#include "analyze_helpers.h"
#include "passes/symbolise.h"

#include <catch2/catch.hpp>
#include <set>

using namespace unpaired;
using namespace unpaired::test;

namespace {

std::set<std::string> ids_of(const TraceBuilder &builder)
{
    std::set<std::string> ids;
    const Report report = report_of(builder); // outlives the loop over a part of it
    for (const Finding &finding : report.images.at(0).findings)
        ids.insert(finding.id);
    return ids;
}

} // namespace

TEST_CASE("equal lines are one finding, whatever the addresses")
{
    // a loop that the compiler unrolled: two return addresses, one line ("\t" only tells the texts apart)
    TraceBuilder builder;
    uint32_t a = builder.site("malloc", {"f@f.c:3", "main@main.c:9"});
    uint32_t b = builder.site("malloc", {"f@f.c:03", "main@main.c:9"});
    builder.leak(a, 3, 20);
    builder.leak(b, 4, 20);

    Report report = report_of(builder);

    REQUIRE(report.images.at(0).findings.size() == 1);
    CHECK(report.images[0].findings[0].count == 7);
    CHECK(report.images[0].findings[0].bytes == 140);
    CHECK(report.images[0].findings[0].acquired == 7);
}

TEST_CASE("two lines of one function are two findings with ids of their own")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"f@f.c:3", "main@main.c:9"}), 3, 20);
    builder.leak(builder.site("malloc", {"f@f.c:8", "main@main.c:9"}), 3, 20);

    CHECK(ids_of(builder).size() == 2);
}

TEST_CASE("the same stack of two owners is two findings with ids of their own")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"f@f.c:3", "main@main.c:9"}, "AAAA", UNPAIRED_OWNER_THREAD), 3, 20);
    builder.leak(builder.site("malloc", {"f@f.c:3", "main@main.c:9"}, "BBBB", UNPAIRED_OWNER_THREAD), 4, 20);

    CHECK(ids_of(builder).size() == 2);
}

TEST_CASE("outside the blamed frame functions count, not the lines they called from")
{
    TraceBuilder builder;
    builder.leak(builder.site("socket", {"f@f.c:3", "main@main.c:9"}), 3);
    builder.leak(builder.site("socket", {"f@f.c:3", "main@main.c:20"}), 4);
    builder.leak(builder.site("socket", {"f@f.c:3", "other@main.c:20"}), 5);

    CHECK(ids_of(builder).size() == 2);
}

TEST_CASE("the lines of one caller in which merged acquisitions differ are kept, in their order")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"f@f.c:3", "subscribe@f.c:8", "main@main.c:20"}), 1, 40);
    builder.leak(builder.site("malloc", {"f@f.c:3", "subscribe@f.c:8", "main@main.c:9"}), 1, 40);
    const Report report = report_of(builder);
    REQUIRE(report.images.at(0).findings.size() == 1);
    const Finding &finding = report.images[0].findings[0];
    REQUIRE(finding.callers.size() == 2);
    CHECK(finding.callers[0].function == "main");
    CHECK(finding.callers[0].line == 9);
    CHECK(finding.callers[1].line == 20);

    // but: not where they differ in the lines of two callers
    builder.leak(builder.site("malloc", {"f@f.c:3", "subscribe@f.c:9", "main@main.c:9"}), 1, 40);
    const Report other = report_of(builder);
    REQUIRE(other.images.at(0).findings.size() == 1);
    CHECK(other.images[0].findings[0].callers.empty());
}

TEST_CASE("the size of one is known where all merged blocks are as large")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"f@f.c:3", "main@main.c:20"}), 2, 40);
    builder.leak(builder.site("malloc", {"f@f.c:3", "main@main.c:9"}), 1, 40);
    CHECK(report_of(builder).images.at(0).findings.at(0).each == 40);
    builder.leak(builder.site("malloc", {"f@f.c:3", "main@main.c:9"}), 1, 8);
    CHECK(report_of(builder).images.at(0).findings.at(0).each == 0);
}

TEST_CASE("acquisitions from the same place that were all released count too")
{
    TraceBuilder builder;
    builder.leak(builder.site("socket", {"f@f.c:3", "main@main.c:9"}), 1);
    builder.counter(builder.site("socket", {"f@f.c:03", "main@main.c:9"}),
                    5); // another copy of an unrolled loop
    builder.counter(builder.site("socket", {"f@f.c:4", "main@main.c:9"}), 50); // another line

    Report report = report_of(builder);

    REQUIRE(report.images.at(0).findings.size() == 1);
    CHECK(report.images[0].findings[0].count == 1);
    CHECK(report.images[0].findings[0].acquired == 6);
    CHECK(report.images[0].findings[0].released == 5);
}

TEST_CASE("the id outlives a rebuild: other addresses, other lines, other clones, another C library")
{
    TraceBuilder before, after;
    before.leak(before.site("malloc", {"f@f.c:3", "main@main.c:9", "libc.so.6!__libc_start_call_main"}), 3,
                20);
    after.site("free", {"new_code@x.c:1"}); // moves the addresses behind it
    after.leak(
        after.site("malloc", {"f.isra.0@f.c:33", "main@main.c:99", "libc.so.6!__libc_start_main", "_start"}),
        3, 20);

    CHECK(ids_of(before) == ids_of(after));
    CHECK(ids_of(before).begin()->size() == 16);

    WHEN("the function is called another way")
    {
        TraceBuilder other;
        other.leak(other.site("malloc", {"g@f.c:3", "main@main.c:9"}), 3, 20);
        CHECK(ids_of(other) != ids_of(before));
    }
}

TEST_CASE("what the compiler appends to a name is removed, and nothing else")
{
    CHECK(without_compiler_suffix("serve.isra.0") == "serve");
    CHECK(without_compiler_suffix("serve.constprop.1.isra.0") == "serve");
    CHECK(without_compiler_suffix("serve.part.3.cold") == "serve");
    CHECK(without_compiler_suffix("serve.cold") == "serve");
    CHECK(without_compiler_suffix("app::f(int) [clone .part.0]") == "app::f(int)");
    CHECK(without_compiler_suffix("serve") == "serve");
    CHECK(without_compiler_suffix("a.partial") == "a.partial");
    CHECK(without_compiler_suffix("") == "");
}

TEST_CASE("each address is named once, however many stacks it is on")
{
    TraceBuilder builder;
    for (int i = 0; i < 50; i++)
        builder.leak(builder.site("malloc", {"f" + std::to_string(i % 5) + "@f.c:1", "main@main.c:9"}), 1, 8);
    Symbolize real = builder.symbols();
    std::map<uint64_t, int> asked;
    Symbolize counting = [&](const Module &module, uint64_t address) {
        asked[address]++;
        return real(module, address);
    };
    std::vector<Trace> traces;
    traces.push_back(read_trace(builder.bytes(), "x"));
    analyze(traces, {}, counting);

    CHECK(asked.size() == 6);
    for (const auto &[address, times] : asked)
        CHECK(times == 1);
}
