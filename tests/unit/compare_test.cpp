// What changed between two reports, by program and id.
#include "passes/compare.h"

#include <catch2/catch.hpp>

using namespace unpaired;

namespace {

Finding finding(const std::string &id, uint64_t count, Severity severity = Severity::suspect)
{
    Finding made;
    made.id = id;
    made.rule = "never-released";
    made.family = "socket";
    made.function = "socket";
    made.severity = severity;
    made.count = count;
    return made;
}

Finding growing(const std::string &id, uint64_t count, double per_cycle)
{
    Finding made = finding(id, count);
    made.per_cycle = per_cycle;
    return made;
}

ImageReport image(std::vector<Finding> findings, uint32_t cycles = 0,
                  const std::string &program = "/bin/server")
{
    ImageReport made;
    made.trace.program = program;
    made.trace.cycles = cycles;
    made.findings = std::move(findings);
    return made;
}

Report report(std::vector<ImageReport> images)
{
    Report made;
    made.images = std::move(images);
    return made;
}

Report report(std::vector<Finding> findings, uint32_t cycles = 0)
{
    return report(std::vector<ImageReport>{image(std::move(findings), cycles)});
}

/// The change of the only finding.
Change change_of(const Report &before, const Report &after)
{
    const Comparison comparison = compare(before, after);
    REQUIRE(comparison.differences.size() == 1);
    return comparison.differences[0].change;
}

} // namespace

TEST_CASE("compare: findings are new, grown, shrunk, gone or unchanged, in that order, each kind worst first")
{
    const Report before =
        report({finding("same", 3), finding("less", 9), finding("more", 4), finding("gone", 1)});
    const Report after = report({finding("same", 3), finding("less", 8), finding("more", 5),
                                 finding("new", 1), finding("newer", 1, Severity::leak)});

    const Comparison comparison = compare(before, after);

    std::vector<std::pair<std::string, Change>> found;
    for (const Difference &difference : comparison.differences)
        found.emplace_back(difference.finding().id, difference.change);
    CHECK(found == std::vector<std::pair<std::string, Change>>{{"newer", Change::added},
                                                               {"new", Change::added},
                                                               {"more", Change::grown},
                                                               {"less", Change::shrunk},
                                                               {"gone", Change::gone},
                                                               {"same", Change::unchanged}});
    CHECK(comparison.remarks.empty());
}

TEST_CASE("compare: the images of a program are summed up, wherever the program lies")
{
    // given four workers that kept two each, then three that kept three
    const Report before =
        report({image({finding("a", 2)}, 0, "/old/server"), image({finding("a", 2)}, 0, "/old/server"),
                image({finding("a", 2)}, 0, "/old/server"), image({finding("a", 2)}, 0, "/old/server")});
    const Report after =
        report({image({finding("a", 3)}, 0, "/new/server"), image({finding("a", 3)}, 0, "/new/server"),
                image({finding("a", 3)}, 0, "/new/server")});

    const Comparison comparison = compare(before, after);

    REQUIRE(comparison.differences.size() == 1);
    const Difference &difference = comparison.differences[0];
    CHECK(difference.change == Change::grown);
    CHECK(difference.program == "server");
    CHECK(difference.before->finding.count == 8);
    CHECK(difference.before->images == 4);
    CHECK(difference.after->finding.count == 9);
}

TEST_CASE("compare: findings of different programs are not the same, whatever their ids")
{
    const Report before = report({image({finding("a", 1)}, 0, "/bin/server"), image({}, 0, "/bin/client")});
    const Report after = report({image({}, 0, "/bin/server"), image({finding("a", 1)}, 0, "/bin/client")});
    const Comparison comparison = compare(before, after);
    REQUIRE(comparison.differences.size() == 2);
    CHECK(comparison.differences[0].change == Change::added);
    CHECK(comparison.differences[0].program == "client");
    CHECK(comparison.differences[1].change == Change::gone);
}

TEST_CASE("compare: a program that was renamed is compared if each report has one, and that is said")
{
    const Report before = report({image({finding("a", 1)}, 0, "server-1.2")});
    const Report after = report({image({finding("a", 1)}, 0, "server-1.3")});
    const Comparison comparison = compare(before, after);
    REQUIRE(comparison.differences.size() == 1);
    CHECK(comparison.differences[0].change == Change::unchanged);
    REQUIRE(comparison.remarks.size() == 1);
    CHECK_THAT(comparison.remarks[0], Catch::Contains("server-1.2") && Catch::Contains("server-1.3"));
}

TEST_CASE("compare: a program that did not run is no program that was mended, and that is said")
{
    const Report before =
        report({image({finding("a", 1)}, 0, "server"), image({finding("b", 1)}, 0, "client")});
    const Report after = report({image({finding("a", 1)}, 0, "server")});
    const Comparison comparison = compare(before, after);
    REQUIRE(comparison.remarks.size() == 1);
    CHECK_THAT(comparison.remarks[0], Catch::Contains("'client' did not run in the new report"));
}

TEST_CASE("compare: runs of different length are compared by cycle")
{
    SECTION("a longer run with the same rate has not grown")
    {
        CHECK(change_of(report({growing("a", 38, 1)}, 38), report({growing("a", 100, 1)}, 100)) ==
              Change::unchanged);
    }
    SECTION("a cycle that had only begun at either end is no growth")
    {
        CHECK(change_of(report({growing("a", 9, 0.9)}, 10), report({growing("a", 99, 0.99)}, 100)) ==
              Change::unchanged);
    }
    SECTION("twice as many each cycle have grown, though the run was shorter and fewer are left")
    {
        const Comparison comparison =
            compare(report({growing("a", 100, 1)}, 100), report({growing("a", 60, 2)}, 30));
        CHECK(comparison.differences.at(0).change == Change::grown);
        CHECK(comparison.differences[0].by == Measure::per_cycle);
    }
    SECTION("half as many have shrunk")
    {
        CHECK(change_of(report({growing("a", 100, 1)}, 100), report({growing("a", 400, 0.5)}, 800)) ==
              Change::shrunk);
    }
    SECTION("in as many cycles the count tells")
    {
        CHECK(change_of(report({growing("a", 38, 1)}, 38), report({growing("a", 39, 1.03)}, 38)) ==
              Change::grown);
    }
    SECTION("without a rate on either side the count tells")
    {
        CHECK(change_of(report({finding("a", 38)}, 38), report({growing("a", 100, 1)}, 100)) ==
              Change::grown);
    }
    SECTION("the rate of several processes is their mean")
    {
        const Report before = report({image({growing("a", 25, 1)}, 25), image({growing("a", 75, 1)}, 75)});
        CHECK(change_of(before, report({growing("a", 400, 1)}, 400)) == Change::unchanged);
        CHECK(change_of(before, report({growing("a", 480, 1.2)}, 400)) == Change::grown);
    }
}

TEST_CASE("compare: what is as many but more severe has grown, unless a suppression had hidden it")
{
    const Report note = report({finding("a", 2, Severity::note)}),
                 leak = report({finding("a", 2, Severity::leak)});
    CHECK(compare(note, leak).differences.at(0).by == Measure::severity);
    CHECK(change_of(note, leak) == Change::grown);
    CHECK(change_of(leak, note) == Change::unchanged);
    Report hidden = note;
    hidden.images[0].findings[0].suppressed_by = "leak:x (list:1)";
    CHECK(change_of(hidden, leak) == Change::unchanged);
}

TEST_CASE("compare: more bytes in as many blocks are no growth")
{
    Report before = report({finding("a", 2)}), after = before;
    before.images[0].findings[0].bytes = 40;
    after.images[0].findings[0].bytes = 4000;
    CHECK(change_of(before, after) == Change::unchanged);
}

TEST_CASE("compare: what is new or grown counts, if it is severe enough and not suppressed")
{
    const auto counts = [](const Report &before, const Report &after, Severity least) {
        return compare(before, after).differences.at(0).counts(least);
    };
    const Report nothing = report(std::vector<Finding>{}), one = report({finding("a", 1)}),
                 two = report({finding("a", 2)});
    CHECK(counts(nothing, one, Severity::suspect));
    CHECK(counts(one, two, Severity::suspect));
    CHECK_FALSE(counts(one, two, Severity::leak));
    CHECK_FALSE(counts(two, one, Severity::note));
    CHECK_FALSE(counts(one, nothing, Severity::note));
    CHECK_FALSE(counts(one, one, Severity::note));
    Report suppressed = one;
    suppressed.images[0].findings[0].suppressed_by = "leak:x (list:1)";
    CHECK_FALSE(counts(nothing, suppressed, Severity::note));
}

TEST_CASE("baseline: what it has is accepted, what has grown or is new is not")
{
    Report now = report({finding("known", 3), finding("grown", 5), finding("new", 1)});

    mark_baseline(now, report({finding("known", 3), finding("grown", 2)}));

    const auto &findings = now.images.at(0).findings;
    REQUIRE(findings.size() == 3);
    // and: what counts comes first
    CHECK(findings[0].id == "grown");
    CHECK_FALSE(findings[0].accepted());
    CHECK(findings[0].baseline->count == 2);
    REQUIRE(findings[0].remarks.size() == 1);
    CHECK(findings[0].remarks[0] == "grown: 2 in the baseline, 5 now");
    CHECK(findings[1].id == "new");
    CHECK_FALSE(findings[1].baseline);
    CHECK(findings[2].id == "known");
    CHECK(findings[2].accepted());
    CHECK(findings[2].severity == Severity::suspect); // as severe as it is: it may be a baseline itself
    CHECK(now.remarks.empty());
}

TEST_CASE("baseline: processes of one program have it together")
{
    Report now = report({image({finding("a", 2)}), image({finding("a", 2)})});
    mark_baseline(now, report({finding("a", 3)}));
    CHECK_FALSE(now.images[0].findings[0].accepted());
    CHECK(now.images[1].findings[0].remarks.at(0) ==
          "grown: 3 in the baseline, 4 now in 2 processes of server");
}

TEST_CASE("baseline: what it has and the run has not is told, if its program ran")
{
    const Report baseline =
        report({image({finding("a", 1), finding("b", 1), finding("c", 1, Severity::note)}),
                image({finding("d", 1)}, 0, "client")});
    Report now = report({finding("a", 1)});
    mark_baseline(now, baseline);
    REQUIRE(now.remarks.size() == 1);
    CHECK_THAT(now.remarks[0], Catch::StartsWith("1 finding of the baseline is no longer found"));
}

TEST_CASE("baseline: a program that it does not know is named, once")
{
    Report now = report({image({finding("a", 1)}, 0, "client"), image({finding("a", 1)}, 0, "client"),
                         image({}, 0, "quiet")});
    mark_baseline(now, report({finding("a", 1)}));
    REQUIRE(now.remarks.size() == 1);
    CHECK(now.remarks[0] == "the baseline has no program 'client' (it has server)");
}
