#include "writers/follow_view.h"

#include "writers/text_canvas.h"
#include "writers/text_clean.h"
#include "writers/text_stack.h"
#include "writers/text_words.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <string_view>

namespace unpaired {
namespace {

constexpr size_t text_rows = 20; ///< of one look for a pipe
constexpr size_t trend_width = 12;
constexpr size_t narrowest_site = 24; ///< for which only the first two columns of numbers take room
constexpr size_t ample_site = 36;     ///< which no other column takes room from
constexpr size_t last_lines = 2;      ///< of the screen: an empty one, and the keys

/// "malloc in subscribe, mqtt.c:50"
std::string site_text(const TallyPlace &place)
{
    std::string text = function_text(place.function);
    if (const std::string blamed = place_text(place.blame); !blamed.empty())
        text += fmt::format("{}in {}", text.empty() ? "" : " ", blamed);
    return cleaned(std::move(text));
}

/// "+1,234", "-5", "" for 0.
std::string growth_text(int64_t n)
{
    if (n == 0)
        return "";
    return (n > 0 ? "+" : "-") + grouped(static_cast<uint64_t>(n > 0 ? n : -n));
}

/// "+12.5", "+1,200", "" for what rounds to nothing.
std::string rate_text(double rate)
{
    if (std::abs(rate) >= 100)
        return growth_text(std::llround(rate));
    if (std::abs(rate) < 0.05)
        return "";
    return fmt::format("{:+.1f}", rate);
}

struct Column {
    std::string_view heading;
    std::string (*text)(const LiveRow &);
};

// The first is the last to be left out where there is little room.
constexpr std::array<Column, 6> number_columns = {{
    {"live", [](const LiveRow &row) { return grouped(row.live); }},
    {"since start", [](const LiveRow &row) { return growth_text(row.since_start); }},
    {"bytes", [](const LiveRow &row) { return row.bytes ? bytes_text(row.bytes) : std::string(); }},
    {"per cycle", [](const LiveRow &row) { return rate_text(row.per_cycle.value_or(0)); }},
    {"last min", [](const LiveRow &row) { return growth_text(row.last_minute); }},
    {"per min", [](const LiveRow &row) { return rate_text(row.per_minute); }},
}};

/// As they stand side by side: indices into number_columns.
constexpr std::array<size_t, number_columns.size()> column_order = {0, 2, 1, 4, 5, 3};

struct Layout {
    std::array<size_t, number_columns.size()> width{}; ///< 0: left out
    size_t owner = 5, site = 0;
    bool trend = false;
};

Layout lay_out(const std::vector<LiveRow> &rows, size_t width)
{
    Layout layout;
    size_t longest_site = std::string_view("call site").size();
    bool cycles = false;
    for (const LiveRow &row : rows) {
        layout.owner = std::max(layout.owner, columns(row.place->owner));
        longest_site = std::max(longest_site, columns(site_text(*row.place)));
        cycles = cycles || row.per_cycle;
    }
    const size_t fixed = 2 + layout.owner + 2; // the cursor, the owner, the blanks between
    const auto room_beside = [&](size_t site) { return width > fixed + site ? width - fixed - site : 0; };
    size_t used = 0;
    for (size_t i = 0; i < number_columns.size(); i++) {
        const Column &column = number_columns[i];
        const size_t room = room_beside(i < 2 ? narrowest_site : std::min(longest_site, ample_site));
        if (column.heading == "per cycle" && !cycles)
            continue;
        if (column.heading == "last min" && used + trend_width + 2 <= room) {
            // what the trend shows is more than what the means behind it do
            layout.trend = true;
            used += trend_width + 2;
        }
        size_t widest = column.heading.size();
        for (const LiveRow &row : rows)
            widest = std::max(widest, columns(column.text(row)));
        if (used + widest + 2 > room)
            break;
        layout.width[i] = widest;
        used += widest + 2;
    }
    layout.site =
        std::min(longest_site, std::max(narrowest_site, width > fixed + used ? width - fixed - used : 0));
    return layout;
}

/// Cut to `width` columns, with two dots at the end of what was longer.
std::string cut(const std::string &text, size_t width)
{
    if (columns(text) <= width)
        return text;
    std::string out;
    size_t at = 0;
    for (size_t n = 0; n + 2 < width && at < text.size(); n++) {
        out += text[at++];
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
            out += text[at++];
    }
    return out + (width >= 2 ? ".." : "");
}

void clip(StyledLine &line, size_t width)
{
    for (Span &span : line) {
        span.text = cut(span.text, width);
        width -= columns(span.text);
    }
}

StyledLine heading_line(const Layout &layout)
{
    std::string text = "  " + padded("owner", layout.owner) + "  " + padded("call site", layout.site);
    for (size_t i : column_order)
        if (layout.width[i])
            text += "  " + padded(number_columns[i].heading, layout.width[i], true);
    if (layout.trend)
        text += "  trend";
    return {{text, Ink::dim}};
}

StyledLine row_line(const LiveRow &row, const Layout &layout, bool selected, bool unicode)
{
    StyledLine line;
    const Ink plain = selected ? Ink::selected : row.live == 0 ? Ink::dim : Ink::plain;
    line.push_back({(selected ? "> " : "  ") + padded(row.place->owner, layout.owner) + "  " +
                        padded(cut(site_text(*row.place), layout.site), layout.site),
                    plain});
    for (size_t i : column_order)
        if (layout.width[i]) {
            const std::string text = number_columns[i].text(row);
            const bool grows = i != 0 && text.starts_with('+');
            line.push_back(
                {"  " + padded(text, layout.width[i], true), grows && !selected ? Ink::growing : plain});
        }
    if (layout.trend)
        line.push_back({"  " + sparkline(row.trend, trend_width, unicode), plain});
    return line;
}

std::string state_text(const FollowedProgram &program)
{
    std::string text = fmt::format("{}, {}", program.running ? "recording" : "ended",
                                   fmt::format("followed for {}", duration_text(program.time_s)));
    if (program.cycle)
        text += fmt::format(", cycle {}", program.cycle);
    return text;
}

std::string sum_text(const std::vector<LiveRow> &rows)
{
    uint64_t live = 0, bytes = 0;
    int64_t since = 0;
    for (const LiveRow &row : rows) {
        live += row.live;
        bytes += row.bytes;
        since += row.since_start;
    }
    std::string text = fmt::format("{} live", grouped(live));
    if (bytes)
        text += fmt::format(" ({})", bytes_text(bytes));
    if (since)
        text += fmt::format(", {} since start", growth_text(since));
    return text;
}

/// What a reader should know of how the figures come about; "" if there is nothing.
std::string remark_text(const FollowedProgram &program, const FollowChoice &choice)
{
    std::vector<std::string> parts;
    if (choice.paused)
        parts.push_back("paused: p goes on");
    if (!program.running)
        parts.push_back("the program has ended; q quits");
    if (program.reading_s > 0.1)
        parts.push_back(fmt::format("a look takes {:.1f} s, so one every {:.0f} s", program.reading_s,
                                    std::ceil(program.interval_s)));
    if (program.not_recorded)
        parts.push_back(fmt::format("{} not recorded", plural(program.not_recorded, "event")));
    if (!choice.filter.empty() && !choice.typing)
        parts.push_back(fmt::format("only '{}': / changes", choice.filter));
    return joined(parts, "; ");
}

std::string_view order_name(RowOrder order)
{
    switch (order) {
    case RowOrder::rate:
        return "growth";
    case RowOrder::bytes:
        return "bytes";
    case RowOrder::count:
        return "count";
    case RowOrder::owner:
        return "owner";
    }
    return "";
}

StyledLine key_line(const FollowChoice &choice, size_t width)
{
    if (choice.typing)
        return {{cut(fmt::format("show only: {}_   Enter keeps it, Esc shows all", choice.filter), width),
                 Ink::bold}};
    if (!choice.message.empty())
        return {{cut(choice.message, width), Ink::bold}};
    if (choice.page != FollowPage::table)
        return {{cut("any other key: back   up/down: scroll   q: quit", width), Ink::dim}};
    static constexpr std::array<std::string_view, 2> more = {
        "   Enter: stack   /: filter   m: mark   s: snapshot   p: pause",
        "   r b c o: sort by growth bytes count owner"};
    std::string text = "q: quit   ?: help";
    for (std::string_view part : more)
        if (columns(text) + part.size() <= width)
            text += part;
    return {{cut(text, width), Ink::dim}};
}

std::vector<std::string> lines_of(const std::string &text)
{
    std::vector<std::string> lines;
    size_t at = 0;
    for (size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        lines.push_back(text.substr(at, end - at));
    return lines;
}

std::vector<std::string> stack_lines(const std::vector<LiveRow> &rows, const FollowChoice &choice,
                                     size_t width)
{
    const LiveRow *row = selected_row(rows, choice);
    if (!row)
        return {"This call site has nothing live any more."};
    TextStyle style;
    style.width = static_cast<unsigned>(width);
    TextCanvas canvas(style);
    const TallyPlace &place = *row->place;
    canvas.wrapped_line(fmt::format("{} live{}: {}{}", grouped(row->live),
                                    row->bytes ? fmt::format(" ({})", bytes_text(row->bytes)) : "",
                                    site_text(place),
                                    place.owner.empty() ? "" : fmt::format(" (owner {})", place.owner)),
                        2, 2);
    canvas.line("");
    std::string facts =
        fmt::format("{}, {} acquired in all", family_noun(place.family, 2), grouped(row->acquired));
    if (row->since_start)
        facts += fmt::format(", {} since following began", growth_text(row->since_start));
    canvas.wrapped_line(facts, 5, 7);
    canvas.line(place.function.empty() ? "     acquired from"
                                       : fmt::format("     {} called from", function_text(place.function)));
    // the blamed frame is known again by being equal: both are cleaned
    write_stack(canvas, cleaned(place.stack), &cleaned(std::vector{place.blame}).front());
    return lines_of(canvas.taken());
}

const std::vector<std::string> &help_lines()
{
    static const std::vector<std::string> lines = {
        "  r b c o       sort by growth, bytes, count, owner",
        "  up down j k   choose a row (also page up, page down, home, end)",
        "  Enter         the stack of the chosen row",
        "  /             show only rows with a text in them",
        "  m             begin a cycle, as unpaired ctl PID mark does",
        "  s             tell what is lost, as unpaired ctl PID snapshot does",
        "  p             stop looking, and go on",
        "  q             quit (the program goes on)",
        "",
        "  live          how many exist now (bytes: how much of it is memory)",
        "  since start   how many more than when following began",
        "  last min      how many more than a minute ago, or since the start if it is less",
        "  per min       since start, for each minute",
        "  per cycle     since start, for each cycle that was marked since",
        "  trend         live since the start, each row on a scale of its own",
        "",
        "  What grows here may still be released at the end: the report judges that, this only counts.",
    };
    return lines;
}

void add_lines(std::vector<StyledLine> &screen, const std::vector<std::string> &lines, size_t from,
               const FollowPaper &paper)
{
    for (size_t i = std::min(from, lines.size());
         i < lines.size() && screen.size() + last_lines < paper.height; i++)
        screen.push_back({{cut(lines[i], paper.width), Ink::plain}});
}

void add_table(std::vector<StyledLine> &screen, const std::vector<LiveRow> &rows, const FollowChoice &choice,
               const FollowPaper &paper)
{
    const Layout layout = lay_out(rows, paper.width);
    screen.push_back(heading_line(layout));
    if (rows.empty()) {
        screen.push_back(
            {{cut(choice.filter.empty() ? "  nothing is live" : "  nothing matches", paper.width),
              Ink::dim}});
        return;
    }
    const size_t room = paper.height - std::min(paper.height, screen.size() + last_lines);
    const LiveRow *at = selected_row(rows, choice);
    const size_t cursor = at ? static_cast<size_t>(at - rows.data()) : 0;
    // the cursor is always to be seen, and the first page stays as long as it shows it
    const size_t first = cursor < room ? 0 : cursor + 1 - room;
    for (size_t i = first; i < rows.size() && i - first < room; i++)
        screen.push_back(row_line(rows[i], layout, i == cursor, paper.unicode));
}

std::string lower(std::string text)
{
    for (char &c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

} // namespace

std::string sparkline(const std::vector<uint64_t> &values, size_t width, bool unicode)
{
    static constexpr std::array<std::string_view, 8> blocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static constexpr std::array<std::string_view, 8> ascii = {"_", ".", ":", "-", "=", "+", "*", "#"};
    const size_t n = std::min(width, values.size());
    const uint64_t greatest = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
    std::string line;
    for (size_t i = 0; i < n; i++) {
        // the last value of each part: what the line ends with is what is live now
        const uint64_t value = values[(i + 1) * values.size() / n - 1];
        const size_t height = greatest == 0 ? 0
                                            : static_cast<size_t>(std::lround(static_cast<double>(value) * 7 /
                                                                              static_cast<double>(greatest)));
        line += unicode ? blocks[height] : ascii[height];
    }
    return line;
}

const LiveRow *selected_row(const std::vector<LiveRow> &rows, const FollowChoice &choice)
{
    const auto at = std::find_if(rows.begin(), rows.end(),
                                 [&](const LiveRow &row) { return row.place->key == choice.selected; });
    return at != rows.end() ? &*at : rows.empty() ? nullptr : &rows.front();
}

std::vector<LiveRow> chosen_rows(const std::vector<LiveRow> &rows, const FollowChoice &choice)
{
    const std::string wanted = lower(choice.filter);
    std::vector<LiveRow> chosen;
    for (const LiveRow &row : rows)
        if (wanted.empty() ||
            lower(row.place->owner + "  " + site_text(*row.place) + "  " + family_noun(row.place->family, 1))
                    .find(wanted) != std::string::npos)
            chosen.push_back(row);
    sort_rows(chosen, choice.order);
    return chosen;
}

std::vector<StyledLine> draw_follow(const FollowedProgram &program, const std::vector<LiveRow> &rows,
                                    const FollowChoice &choice, const FollowPaper &paper)
{
    std::vector<StyledLine> screen;
    const std::string state = fmt::format(" {}", state_text(program));
    screen.push_back({{cut(program.name, paper.width), Ink::bold},
                      {columns(program.name) < paper.width ? cut(state, paper.width - columns(program.name))
                                                           : std::string(),
                       Ink::plain}});
    if (paper.height > 4) {
        std::string second = sum_text(rows);
        if (choice.page == FollowPage::table)
            second += fmt::format("; by {}", order_name(choice.order));
        screen.push_back({{cut(second, paper.width), Ink::plain}});
    }
    if (const std::string remark = remark_text(program, choice); !remark.empty() && paper.height > 5)
        screen.push_back({{cut(remark, paper.width), Ink::bold}});
    if (paper.height > 8)
        screen.push_back({});
    if (choice.page == FollowPage::help)
        add_lines(screen, help_lines(), choice.scrolled, paper);
    else if (choice.page == FollowPage::stack)
        add_lines(screen, stack_lines(rows, choice, paper.width), choice.scrolled, paper);
    else
        add_table(screen, rows, choice, paper);
    screen.resize(paper.height > 0 ? paper.height - 1 : 0);
    if (paper.height > 0)
        screen.push_back(key_line(choice, paper.width));
    for (StyledLine &line : screen)
        clip(line, paper.width);
    return screen;
}

std::string follow_text(const FollowedProgram &program, const std::vector<LiveRow> &rows)
{
    TextStyle style;
    style.width = UINT16_MAX; // a pipe has no width
    TextCanvas canvas(style);
    canvas.line(fmt::format("{} {}: {}", program.name, state_text(program), sum_text(rows)));
    if (program.not_recorded)
        canvas.line(fmt::format("{} not recorded", plural(program.not_recorded, "event")));
    std::vector<std::vector<std::string>> table(1, {"owner  call site"});
    size_t owner = std::string_view("owner").size();
    for (const LiveRow &row : rows)
        owner = std::max(owner, columns(row.place->owner));
    for (size_t i : column_order)
        table[0].push_back(std::string(number_columns[i].heading));
    for (size_t n = 0; n < std::min(rows.size(), text_rows); n++) {
        const LiveRow &row = rows[n];
        std::vector<std::string> &cells =
            table.emplace_back(1, padded(row.place->owner, owner) + "  " + site_text(*row.place));
        for (size_t i : column_order)
            cells.push_back(number_columns[i].text(row));
    }
    canvas.table(table);
    if (rows.size() > text_rows)
        canvas.line(fmt::format("     ... and {} more", plural(rows.size() - text_rows, "call site")));
    canvas.line("");
    return canvas.taken();
}

} // namespace unpaired
