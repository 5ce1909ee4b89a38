#include "passes/suppress.h"

#include "rules.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

using namespace unpaired;

namespace {

Frame frame(std::string function, std::string module = "/usr/bin/server", std::string file = "")
{
    Frame made;
    made.function = std::move(function);
    made.module = std::move(module);
    made.file = std::move(file);
    return made;
}

Finding finding(std::string family, std::vector<Frame> stack, uint64_t count = 1)
{
    Finding made;
    made.rule = "never-released";
    made.family = std::move(family);
    made.function = "malloc";
    made.count = count;
    made.stack = std::move(stack);
    return made;
}

Suppressions parse(const std::string &text)
{
    auto parsed = parse_suppressions(text, "list");
    CHECK(suppression_problems(parsed) == std::vector<std::string>{});
    return parsed;
}

/// What suppresses the finding; "" if nothing does.
std::string suppressed_by(const std::string &text, const Finding &finding)
{
    auto suppressions = parse(text);
    ImageReport image;
    image.findings = {finding};
    apply_suppressions(suppressions, image);
    return image.findings[0].suppressed_by;
}

const std::string libc = "/lib/x86_64-linux-gnu/libc.so.6", loader = "/lib64/ld-linux-x86-64.so.2",
                  libstdcxx = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6";

} // namespace

TEST_CASE("a template matches as LSan's does", "[suppress]")
{
    struct Row {
        const char *pattern, *text;
        bool matches;
    };
    auto row = GENERATE(values<Row>({
        {"foo", "foo", true},
        {"foo", "xfoox", true}, // a part is enough
        {"foo", "fo", false},
        {"foo", "", false},
        {"*", "", false}, // nothing has no name to match
        {"*", "x", true},
        {"^foo", "foobar", true},
        {"^foo", "a foo", false},
        {"foo$", "a foo", true},
        {"foo$", "foobar", false},
        {"foo$", "foofoo", true},
        {"^foo$", "foo", true},
        {"^foo$", "foofoo", false},
        {"a*c", "xabcx", true},
        {"a*c", "cba", false},
        {"^a*c$", "abc", true},
        {"^a*c$", "abcd", false},
        {"^a*c$", "xabc", false},
        {"a*$", "bab", true},
        {"^*b", "ab", true},
        {"a**b", "ab", true},
        {"a*a$", "a", false}, // one letter cannot be both
        {"lib*.so", "/usr/lib/libfoo.so.1", true},
        {"A", "a", false},
    }));
    CAPTURE(row.pattern, row.text);
    CHECK(template_match(row.pattern, row.text) == row.matches);
}

TEST_CASE("an LSan file is read as it is", "[suppress]")
{
    auto parsed =
        parse("# a comment\n\n  leak:libfoo.so  \r\nleak:operator new(unsigned long)\nleak:*std::map<*\n");
    REQUIRE(parsed.lines.size() == 3);
    CHECK(parsed.lines[0].type == "leak");
    CHECK(parsed.lines[0].pattern == "libfoo.so");
    CHECK(parsed.lines[0].origin == "list:3");
    CHECK(parsed.lines[1].pattern == "operator new(unsigned long)");
    CHECK(parsed.lines[2].pattern == "*std::map<*");
    CHECK_FALSE(parsed.lines[2].max);
}

TEST_CASE("any frame's function, file or module, or the acquirer itself, can be matched", "[suppress]")
{
    auto leak = finding("heap", {frame("inner", "/opt/liba.so", "/src/a.c"), frame("app::outer(int, char)")});
    CHECK(suppressed_by("leak:inner", leak) == "leak:inner (list:1)");
    CHECK(suppressed_by("leak:^app::outer$", leak) == "leak:^app::outer$ (list:1)"); // parameters left out
    CHECK(suppressed_by("leak:outer(int, char)$", leak) != "");
    CHECK(suppressed_by("leak:/src/a.c", leak) != "");
    CHECK(suppressed_by("leak:liba.so$", leak) != "");
    CHECK(suppressed_by("leak:^malloc$", leak) != "");
    CHECK(suppressed_by("leak:elsewhere", leak).empty());
    CHECK(suppressed_by("leak:^ner", leak).empty());
}

TEST_CASE("leak covers what was left behind in any family, and no other rule", "[suppress]")
{
    auto socket = finding("socket", {frame("serve_one")});
    CHECK(suppressed_by("leak:serve_one", socket) != "");
    for (const auto *rule : {"release-failed", "storage-freed-live", "reinitialised-live", "held-at-exit"}) {
        socket.rule = rule;
        CHECK(suppressed_by("leak:serve_one", socket) != "");
    }
    for (const auto *rule : {"double-release", "mismatched-release", "tag-overwritten", "release-unknown"}) {
        socket.rule = rule;
        CHECK(suppressed_by("leak:serve_one", socket).empty());
        CHECK(suppressed_by(std::string(rule) + ":serve_one", socket) != "");
        CHECK(suppressed_by("socket:serve_one", socket) != "");
    }
}

TEST_CASE("a family covers its own findings only; heap stands for new and new[] too", "[suppress]")
{
    CHECK(suppressed_by("socket:serve_one", finding("socket", {frame("serve_one")})) != "");
    CHECK(suppressed_by("socket:serve_one", finding("file", {frame("serve_one")})).empty());
    auto family = GENERATE("heap", "new", "new_array");
    CHECK(suppressed_by("heap:serve_one", finding(family, {frame("serve_one")})) != "");
    CHECK(suppressed_by("new:serve_one", finding("heap", {frame("serve_one")})).empty());
}

TEST_CASE("max=N holds up to N acquisitions of all findings together, and not beyond", "[suppress]")
{
    auto suppressions = parse("heap:serve max=5\n");
    CHECK(suppressions.lines[0].pattern == "serve");
    // given 3 + 2 acquisitions
    ImageReport image;
    image.findings = {finding("heap", {frame("serve_one")}, 3), finding("new", {frame("serve_two")}, 2)};
    apply_suppressions(suppressions, image);
    CHECK(image.findings[0].suppressed_by == "heap:serve max=5 (list:1)");
    CHECK_FALSE(image.findings[1].suppressed_by.empty());
    CHECK(image.remarks.empty());
    // given one more
    image.findings = {finding("heap", {frame("serve_one")}, 3), finding("new", {frame("serve_two")}, 3)};
    apply_suppressions(suppressions, image);
    CHECK(image.findings[0].suppressed_by.empty());
    CHECK(image.findings[1].suppressed_by.empty());
    REQUIRE(image.remarks.size() == 1);
    CHECK(image.remarks[0] ==
          "suppression 'heap:serve max=5' (list:1) was not applied: it matches 6 acquisitions, "
          "1 more than its max; look at what is new, or write max=6");
}

TEST_CASE("broken lines are told with file and line and what to write, and the others hold", "[suppress]")
{
    const std::vector<std::pair<std::string, std::string>> lines = {
        {"leak:good", ""},
        {"no colon here", "no ':' between type and pattern; write leak:no colon here"},
        {"leak foo", "no ':' between type and pattern; write leak:foo"},
        {"leak", "no ':' between type and pattern; write leak:*"},
        {"socket = serve", "no ':' between type and pattern; write socket:serve"},
        {"leak:", "no pattern; if it is to match everything, write leak:*"},
        {"app::serve", "it does not begin with a type and one ':'; write leak:app::serve"},
        {":foo", "it does not begin with a type and one ':'; write leak:foo"},
        {"::foo", "it does not begin with a type and one ':'; write leak:foo"},
        {"leak::foo", "it does not begin with a type and one ':'; write leak:foo"},
        {"std::map<int, x>::at",
         "it does not begin with a type and one ':'; write leak:std::map<int, x>::at"},
        {"Leak:x", "it does not begin with a type and one ':'; write leak:x"},
        {"Socket: x", "it does not begin with a type and one ':'; write socket:x"},
        {"heap:x max=", "'' is no number; write max=N, such as max=3"},
        {"heap:x max=3x", "'3x' is no number; write max=N, such as max=3"},
        {"heap:max=3", "no pattern; if it is to match everything, write heap:*"},
        {"socket:fine max=0", ""}};
    std::string text;
    std::vector<std::string> wanted;
    for (size_t i = 0; i < lines.size(); i++) {
        text += lines[i].first + "\n";
        if (!lines[i].second.empty())
            wanted.push_back("my.supp:" + std::to_string(i + 1) + ": suppression '" + lines[i].first +
                             "': " + lines[i].second);
    }
    auto parsed = parse_suppressions(text, "my.supp");
    CHECK(suppression_problems(parsed) == wanted);
    // and: what is proposed is a good line
    for (const std::string &told : wanted)
        if (auto proposed = told.find("write "); proposed != told.npos && told.find("max=N") == told.npos) {
            INFO(told);
            CHECK(suppression_problems(parse_suppressions(told.substr(proposed + 6), "s")).empty());
        }
    // and: only the good lines match, or are unused
    CHECK(parsed.lines.back().max == 0u);
    CHECK(unused_suppressions(parsed) ==
          std::vector<UnusedSuppression>{{"my.supp:1", "leak:good"}, {"my.supp:17", "socket:fine max=0"}});
}

TEST_CASE("broken lines of all kinds are told in the order of the files", "[suppress]")
{
    auto suppressions = parse_suppressions("sokcet:a\nno colon\nwidgets:b\n", "one");
    append_suppressions(suppressions, parse_suppressions("hepa:c\n::d\n", "two"));
    mark_unknown_types(suppressions, {"socket", "heap"});
    mark_unknown_types(suppressions, {"socket", "heap"}); // once more, as diff does
    std::vector<std::string> origins;
    for (const std::string &problem : suppression_problems(suppressions))
        origins.push_back(problem.substr(0, problem.find(": ")));
    CHECK(origins == std::vector<std::string>{"one:1", "one:2", "one:3", "two:1", "two:2"});
}

TEST_CASE("lines that matched nothing are named, over all images", "[suppress]")
{
    auto suppressions = parse("leak:first\nleak:second\nleak:third\n");
    for (const auto *name : {"first", "third"}) {
        ImageReport image;
        image.findings = {finding("heap", {frame(name)})};
        apply_suppressions(suppressions, image);
    }
    CHECK(unused_suppressions(suppressions) == std::vector<UnusedSuppression>{{"list:2", "leak:second"}});
}

TEST_CASE("a file from Windows is read like any other", "[suppress]")
{
    auto parsed = parse("\xef\xbb\xbfleak:first\r\n\r\n# a comment\r\nsocket:second max=2\r\n");
    REQUIRE(parsed.lines.size() == 2);
    CHECK(parsed.lines[0].type == "leak");
    CHECK(parsed.lines[0].pattern == "first");
    CHECK(parsed.lines[1].pattern == "second");
    CHECK(parsed.lines[1].max == 2u);
    CHECK(parsed.lines[1].origin == "list:4");
    CHECK(parsed.lines[1].text == "socket:second max=2");
}

TEST_CASE("a type that is neither leak nor a rule nor a family is told with what was meant", "[suppress]")
{
    auto suppressions = parse("leak:a\nsocket:b\nsokcet:c\ndouble-release:d\nwidget:e\ndouble_release:f\n"
                              "pbuf:g\nnothing_like_it:h\n");
    mark_unknown_types(suppressions, {"socket", "heap", "widget"}, {"pbuf"});
    CHECK(suppression_problems(suppressions) ==
          std::vector<std::string>{
              "list:3: suppression 'sokcet:c': there is no family or rule 'sokcet'; did you mean socket?",
              "list:6: suppression 'double_release:f': there is no family or rule 'double_release'; did you "
              "mean double-release?",
              "list:8: suppression 'nothing_like_it:h': there is no family or rule 'nothing_like_it'; write "
              "leak:h for whatever is left behind, or a family that unpaired resources lists"});
    // and: it is not told again as one that matched nothing
    for (const UnusedSuppression &line : unused_suppressions(suppressions))
        CHECK(line.origin != "list:3");
}

TEST_CASE("a line of any length and content is quoted in one short line", "[suppress]")
{
    std::string text(1000000, 'x');
    text.append("\n\x1b[2J no colon \xc3\xa9");
    const std::vector<std::string> problems = suppression_problems(parse_suppressions(text, "list"));
    REQUIRE(problems.size() == 2);
    for (const std::string &problem : problems) {
        CHECK(problem.size() < 200);
        CHECK(problem.find('\x1b') == std::string::npos);
    }
    CHECK_THAT(problems[0], Catch::Contains("xxx...'"));
}

TEST_CASE("what a suppression matches becomes a note", "[suppress]")
{
    auto suppressions = parse("leak:serve\n");
    ImageReport image;
    image.findings = {finding("heap", {frame("serve")})};
    image.findings[0].severity = Severity::leak;
    apply_suppressions(suppressions, image);
    CHECK(image.findings[0].severity == Severity::note);
    CHECK(image.findings[0].accepted());
}

TEST_CASE("the table of rules has each rule that the documentation explains", "[suppress]")
{
    // given the table of docs/report.md
    std::ifstream page(UNPAIRED_GOLDEN_DIR "/../../docs/report.md");
    REQUIRE(page);
    std::set<std::string> documented;
    bool in_table = false;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("## "))
            in_table = line == "## Rules";
        else if (in_table && line.starts_with("| `"))
            documented.insert(line.substr(3, line.find('`', 3) - 3));
    }
    std::set<std::string> known;
    for (const Rule &rule : rules())
        known.insert(std::string(rule.name));
    CHECK(documented == known);
}

TEST_CASE("what the C and C++ runtime keeps for life is lifelong", "[suppress]")
{
    auto main = frame("main");
    CHECK(is_lifelong(finding("heap", {frame("_IO_file_doallocate", libc), frame("puts", libc), main})));
    CHECK(is_lifelong(finding("heap", {frame("", libc), frame("setlocale", libc), main})));
    CHECK(is_lifelong(finding("heap", {frame("tzset_internal", libc), frame("localtime", libc), main})));
    CHECK(is_lifelong(finding("heap", {frame("std::locale::locale(char const*)", libstdcxx), main})));
    // the emergency pool, with and without the symbols of libstdc++ and the loader
    CHECK(is_lifelong(finding("heap", {frame("_GLOBAL__sub_I_eh_alloc.cc", libstdcxx, "/gcc/eh_alloc.cc"),
                                       frame("call_init", loader), frame("_dl_init", loader)})));
    CHECK(is_lifelong(finding("heap", {frame("", libstdcxx), frame("", loader), frame("", loader)})));
}

TEST_CASE("what the program acquires is not lifelong, whatever called it", "[suppress]")
{
    auto main = frame("main");
    // its own code, run by the loader, or named like the library's
    CHECK_FALSE(is_lifelong(finding("heap", {frame("constructor"), frame("_dl_init", loader)})));
    CHECK_FALSE(is_lifelong(finding("heap", {frame("setlocale"), main})));
    CHECK_FALSE(is_lifelong(finding("heap", {frame("callback"), frame("setlocale", libc), main})));
    // what the library gives to its caller
    CHECK_FALSE(is_lifelong(finding("heap", {frame("strdup", libc), main})));
    CHECK_FALSE(is_lifelong(finding("heap", {frame("getline", libc), frame("strdup", libc), main})));
    CHECK_FALSE(is_lifelong(finding("heap", {})));
    // and other families and rules
    CHECK_FALSE(is_lifelong(finding("socket", {frame("setlocale", libc), main})));
    auto doubled = finding("heap", {frame("setlocale", libc), main});
    doubled.rule = "double-release";
    CHECK_FALSE(is_lifelong(doubled));
}

TEST_CASE("the built-in list has no broken line", "[suppress]")
{
    static constexpr std::string_view text =
#include "passes/builtin_suppressions.inc"
        ;
    auto parsed = parse_suppressions(text, "built-in");
    CHECK(suppression_problems(parsed) == std::vector<std::string>{});
    CHECK(parsed.lines.size() > 50);
}
