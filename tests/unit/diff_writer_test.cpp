#include "writers/diff.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

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
    made.acquired = 20;
    made.blame = {"open_" + id, "/src/net.c", 7, "/bin/server", 0x1000, false};
    made.stack = {made.blame};
    return made;
}

Report report(std::vector<Finding> findings, const std::string &program = "/bin/server")
{
    Report made;
    made.images.resize(1);
    made.images[0].trace.program = program;
    made.images[0].findings = std::move(findings);
    return made;
}

std::string text_of(const Report &before, const Report &after, bool all = false,
                    Severity least = Severity::suspect)
{
    TextStyle style;
    style.all = all;
    return write_diff_text(compare(before, after), {"old.json", "new.json", least}, style);
}

} // namespace

TEST_CASE("diff text: new ones with their evidence, a line for each other, the rest folded")
{
    const Report before =
        report({finding("same", 3), finding("less", 9), finding("more", 4), finding("gone", 1)});
    Finding suppressed = finding("hidden", 1, Severity::note);
    suppressed.suppressed_by = "leak:x (list:1)";
    const Report after = report({finding("same", 3), finding("less", 8), finding("more", 5),
                                 finding("new", 2), finding("small", 1, Severity::note), suppressed});

    CHECK(text_of(before, after) ==
          R"(server: 1 new, 1 grown, 1 shrunk, 1 gone (old.json -> new.json)

  1  new     suspect  2 of 20 sockets never closed: socket in open_new, net.c:7
     grown   suspect  5 of 20 sockets never closed: socket in open_more, net.c:7; 4 before
     shrunk  suspect  8 of 20 sockets never closed: socket in open_less, net.c:7; 9 before
     gone    suspect  1 of 20 sockets never closed: socket in open_gone, net.c:7

  1  suspect never-released, socket                                                           id new
     20 acquired, 0 released, 2 unpaired
     socket called from
     -> open_new  /src/net.c:7

     1 finding unchanged, 1 note, 1 finding suppressed, not shown: --all shows them.
)");
}

TEST_CASE("diff text: nothing new is said in one line")
{
    const Report same = report({finding("same", 3)});
    CHECK(text_of(same, same) == "server: nothing new (old.json -> new.json)\n\n"
                                 "     1 finding unchanged, not shown: --all shows them.\n");
    CHECK_THAT(text_of(same, same, true), Catch::Contains("unchanged  suspect  3 of 20 sockets"));
    CHECK_THAT(text_of(same, report(std::vector<Finding>{})),
               Catch::StartsWith("server: nothing new, 1 gone ("));
}

TEST_CASE("diff text: a new note is shown where notes count")
{
    const Report none = report(std::vector<Finding>{}), note = report({finding("kept", 1, Severity::note)});
    CHECK_THAT(text_of(none, note), Catch::StartsWith("server: nothing new ("));
    CHECK_THAT(text_of(none, note, false, Severity::note), Catch::StartsWith("server: 1 new ("));
}

TEST_CASE("diff text: programs in which nothing changed share a line")
{
    Report before = report({finding("same", 3)}), after = before;
    before.images.push_back(report({}, "/bin/sh").images[0]);
    after.images.push_back(report({finding("new", 1)}, "/bin/sh").images[0]);
    const std::string text = text_of(before, after);
    CHECK_THAT(text, Catch::StartsWith("sh: 1 new (old.json -> new.json)\n"));
    CHECK_THAT(text, Catch::Contains("\n\nNothing new in server.\n"));
}

TEST_CASE("diff text: names from outside steer no terminal")
{
    Finding evil = finding("new", 1);
    evil.blame.function = "\x1b[2Jgone";
    const std::string text = text_of(report({}, "/bin/\x1b[31mred"), report({evil}, "/bin/\x1b[31mred"));
    CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("diff JSON: every difference with both sides, its finding, and whether it counts")
{
    const Report before = report({finding("more", 4), finding("gone", 1)});
    const Report after = report({finding("more", 5), finding("new", 2, Severity::note)});
    std::ostringstream out;
    write_diff_json(out, compare(before, after), {"old.json", "new.json", Severity::suspect});
    const auto json = nlohmann::json::parse(out.str());
    CHECK(json["schema"] == "unpaired-diff/1");
    CHECK(json["old"] == "old.json");
    CHECK(json["new"] == "new.json");
    CHECK(json["programs"] == nlohmann::json{"server"});
    CHECK(json["totals"] ==
          nlohmann::json{{"new", 1}, {"grown", 1}, {"shrunk", 0}, {"gone", 1}, {"unchanged", 0}});
    REQUIRE(json["differences"].size() == 3);
    const auto &added = json["differences"][0], &grown = json["differences"][1],
               &gone = json["differences"][2];
    CHECK(added["change"] == "new");
    CHECK(added["counts"] == false);
    CHECK_FALSE(added.contains("old"));
    CHECK(added["finding"]["id"] == "new");
    CHECK(grown["by"] == "count");
    CHECK(grown["counts"] == true);
    CHECK(grown["old"]["count"] == 4);
    CHECK(grown["new"]["count"] == 5);
    CHECK_FALSE(gone.contains("new"));
    CHECK(gone["finding"]["id"] == "gone");
}
