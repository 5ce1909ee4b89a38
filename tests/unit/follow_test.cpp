#include "writers/follow_keys.h"
#include "writers/follow_view.h"
#include "writers/text_canvas.h"

#include <catch2/catch.hpp>

using namespace unpaired;

namespace {

LiveRow row(const std::string &owner, const std::string &function, uint64_t live, int64_t since = 0)
{
    auto place = std::make_shared<TallyPlace>();
    place->owner = owner;
    place->family = "heap";
    place->function = "malloc";
    place->blame = {function, "/src/mqtt.c", 50, "/bin/server", 0x1000, false};
    place->stack = {place->blame, {"main", "/src/main.c", 9, "/bin/server", 0x2000, false}};
    place->key = owner + function;
    LiveRow made;
    made.place = place;
    made.live = live;
    made.bytes = live * 20;
    made.since_start = made.last_minute = since;
    made.trend = {0, live};
    return made;
}

std::vector<LiveRow> many_rows(size_t n)
{
    std::vector<LiveRow> rows;
    for (size_t i = 0; i < n; i++)
        rows.push_back(row("MQTT", "function_" + std::to_string(i), 1000 - i));
    return rows;
}

FollowedProgram server()
{
    FollowedProgram program;
    program.name = "server (process 4711)";
    return program;
}

std::vector<std::string> drawn(const std::vector<LiveRow> &rows, const FollowChoice &choice = {},
                               const FollowPaper &paper = {}, const FollowedProgram &program = server())
{
    std::vector<std::string> lines;
    for (const StyledLine &styled : draw_follow(program, rows, choice, paper)) {
        std::string &line = lines.emplace_back();
        for (const Span &span : styled)
            line += span.text;
    }
    return lines;
}

bool any(const std::vector<std::string> &lines, const std::string &part)
{
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string &line) { return line.find(part) != std::string::npos; });
}

FollowAct type(FollowChoice &choice, const std::string &text, const std::vector<LiveRow> &rows = {})
{
    return press({Key::text, text}, rows, 10, choice);
}

} // namespace

TEST_CASE("A row tells the owner, the call site, how many are live and how they grow")
{
    const std::vector<std::string> lines = drawn({row("MQTT", "subscribe", 7, 3)}, {}, {120, 24, true});
    CHECK(any(lines, "server (process 4711)"));
    CHECK(any(lines, "7 live (140 B), +3 since start"));
    CHECK(any(lines, "MQTT   malloc in subscribe, mqtt.c:50"));
    CHECK(any(lines, "+3"));
    CHECK(any(lines, "▁█"));
}

TEST_CASE("No line is wider than the screen, and there are no more than it has")
{
    const FollowPage page = GENERATE(FollowPage::table, FollowPage::stack, FollowPage::help);
    const size_t width = GENERATE(1, 10, 20, 40, 61, 80, 132, 300), height = GENERATE(1, 2, 5, 9, 24, 60);
    FollowChoice choice;
    choice.page = page;
    const std::vector<std::string> lines = drawn(many_rows(40), choice, {width, height, true});
    CHECK(lines.size() == height);
    for (const std::string &line : lines) {
        INFO("'" << line << "'");
        CHECK(columns(line) <= width);
    }
}

TEST_CASE("In a locale without Unicode only ASCII is drawn")
{
    for (const std::string &line : drawn({row("MQTT", "subscribe", 7, 3)}, {}, {120, 24, false}))
        for (const char c : line)
            CHECK(static_cast<unsigned char>(c) < 0x80);
}

TEST_CASE("The cursor stays on the screen however far down it is")
{
    const std::vector<LiveRow> rows = many_rows(100);
    FollowChoice choice;
    choice.selected = rows[77].place->key;
    const std::vector<std::string> lines = drawn(rows, choice, {100, 24, true});
    CHECK(any(lines, "> MQTT   malloc in function_77,"));
}

TEST_CASE("The cursor stays on its row when others overtake it")
{
    std::vector<LiveRow> rows = many_rows(3);
    FollowChoice choice;
    press({Key::down, {}}, rows, 10, choice);
    std::swap(rows[1], rows[2]);
    CHECK(selected_row(rows, choice)->place->blame.function == "function_1");
    CHECK(any(drawn(rows, choice), "> MQTT   malloc in function_1,"));
}

TEST_CASE("Arrows and j and k move the cursor, and stop at the ends")
{
    const std::vector<LiveRow> rows = many_rows(3);
    FollowChoice choice;
    const auto at = [&] { return selected_row(rows, choice) - rows.data(); };
    press({Key::up, {}}, rows, 10, choice);
    CHECK(at() == 0);
    type(choice, "j", rows);
    CHECK(at() == 1);
    press({Key::page_down, {}}, rows, 10, choice);
    CHECK(at() == 2);
    type(choice, "k", rows);
    CHECK(at() == 1);
    press({Key::home, {}}, rows, 10, choice);
    CHECK(at() == 0);
}

TEST_CASE("Enter shows the stack of the chosen row with the blamed frame, and any other key leads back")
{
    const std::vector<LiveRow> rows = {row("MQTT", "subscribe", 7, 3), row("MBUS", "reply", 2)};
    FollowChoice choice;
    type(choice, "j", rows);
    press({Key::enter, {}}, rows, 10, choice);
    const std::vector<std::string> lines = drawn(rows, choice);
    CHECK(any(lines, "-> reply"));
    CHECK(any(lines, "main"));
    CHECK_FALSE(any(lines, "subscribe"));
    press({Key::escape, {}}, rows, 10, choice);
    CHECK(choice.page == FollowPage::table);
}

TEST_CASE("A filter is typed, corrected, kept and given up; keys are text meanwhile")
{
    const std::vector<LiveRow> rows = {row("MQTT", "subscribe", 7), row("MBUS", "reply", 2)};
    FollowChoice choice;
    for (const char *key : {"/", "m", "B", "q", "ä"})
        CHECK(type(choice, key) == FollowAct::none);
    press({Key::backspace, {}}, rows, 10, choice);
    press({Key::backspace, {}}, rows, 10, choice);
    CHECK(choice.filter == "mB");
    press({Key::enter, {}}, rows, 10, choice);
    REQUIRE(chosen_rows(rows, choice).size() == 1);
    CHECK(chosen_rows(rows, choice)[0].place->owner == "MBUS");
    CHECK(any(drawn(chosen_rows(rows, choice), choice), "only 'mB'"));
    press({Key::escape, {}}, rows, 10, choice);
    CHECK(chosen_rows(rows, choice).size() == 2);
}

TEST_CASE("q quits from everywhere, m asks for a cycle, s for a snapshot, p pauses and goes on")
{
    FollowChoice choice;
    CHECK(type(choice, "q") == FollowAct::quit);
    CHECK(type(choice, "m") == FollowAct::mark);
    CHECK(type(choice, "s") == FollowAct::snapshot);
    type(choice, "p");
    CHECK(choice.paused);
    CHECK(any(drawn({}, choice), "paused"));
    type(choice, "p");
    CHECK_FALSE(choice.paused);
    type(choice, "?");
    CHECK(any(drawn({}, choice), "sort by growth"));
    CHECK(type(choice, "q") == FollowAct::quit);
}

TEST_CASE("That the program has ended, and that looks take long, is said")
{
    FollowedProgram program = server();
    program.running = false;
    program.reading_s = 0.8;
    program.interval_s = 8;
    const std::vector<std::string> lines = drawn({}, {}, {120, 24, true}, program);
    CHECK(any(lines, "the program has ended"));
    CHECK(any(lines, "a look takes 0.8 s, so one every 8 s"));
}

TEST_CASE("Names from a trace cannot steer the terminal")
{
    const std::vector<LiveRow> rows = {row("MQTT", "sub\x1b[2Jscribe", 7)};
    FollowChoice choice;
    for (const std::string &line : drawn(rows, choice))
        CHECK(line.find('\x1b') == std::string::npos);
    choice.page = FollowPage::stack;
    for (const std::string &line : drawn(rows, choice))
        CHECK(line.find('\x1b') == std::string::npos);
    CHECK(follow_text(server(), rows).find('\x1b') == std::string::npos);
}

TEST_CASE("For a pipe a look is a headline and at most twenty rows")
{
    const std::string text = follow_text(server(), many_rows(25));
    CHECK(text.starts_with("server (process 4711) recording, followed for 0.0 s: "));
    CHECK(text.find("function_19,") != std::string::npos);
    CHECK(text.find("function_20,") == std::string::npos);
    CHECK(text.find("... and 5 call sites more") != std::string::npos);
    CHECK(text.ends_with("\n\n"));
}

TEST_CASE("For a pipe no column is left out, however long a call site's name is")
{
    const std::string text = follow_text(server(), {row("MQTT", std::string(200, 'f'), 7, 3)});
    for (const char *heading : {" live ", " bytes ", " since start ", " last min"})
        CHECK(text.find(heading) != std::string::npos);
}

TEST_CASE("A sparkline is as high as its greatest value, and level at the bottom where there is nothing")
{
    CHECK(sparkline({0, 50, 100}, 10, true) == "▁▅█");
    CHECK(sparkline({0, 0}, 10, true) == "▁▁");
    CHECK(sparkline({5, 5}, 10, false) == "##");
    CHECK(sparkline({}, 10, false).empty());
    CHECK(columns(sparkline(std::vector<uint64_t>(33, 1), 12, true)) == 12);
}
