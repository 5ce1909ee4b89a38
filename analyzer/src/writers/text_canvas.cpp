#include "writers/text_canvas.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>

namespace unpaired {
namespace {

/// Length of the escape sequence that `text` begins with, 0 if it begins with none. Those that this program
/// writes: CSI (colours, ends with a letter) and OSC (links, ends with ESC backslash); ECMA-48, 5.4 and 8.3.89.
size_t escape_length(std::string_view text)
{
    if (text.size() < 2 || text[0] != '\x1b')
        return 0;
    if (text[1] == ']') {
        const size_t end = text.find("\x1b\\", 2);
        return end == std::string_view::npos ? text.size() : end + 2;
    }
    if (text[1] != '[')
        return 2;
    const auto final_byte = std::find_if(text.begin() + 2, text.end(), [](char c) { return c >= 0x40; });
    return static_cast<size_t>(final_byte - text.begin()) + (final_byte == text.end() ? 0 : 1);
}

bool is_unit(std::string_view word)
{
    static constexpr std::array<std::string_view, 8> units = {"B",   "KiB", "MiB", "GiB",
                                                              "TiB", "s",   "min", "h"};
    const std::string_view bare = word.substr(0, word.find_last_not_of(",.:;)") + 1);
    return std::find(units.begin(), units.end(), bare) != units.end();
}

/// Length of what stands in one line if it can: a word, a number with its unit, a parenthesis of no more than `most`
/// columns.
size_t length_together(std::string_view text, size_t most)
{
    const size_t word = std::min(text.find(' '), text.size());
    size_t begin = 0, end = word;
    int open = 0;
    while (columns(text.substr(0, end)) <= most) {
        const std::string_view last = text.substr(begin, end - begin);
        open += static_cast<int>(std::count(last.begin(), last.end(), '(') -
                                 std::count(last.begin(), last.end(), ')'));
        if (end == text.size())
            return open > 0 ? word : end;
        begin = end + 1;
        const size_t next = std::min(text.find(' ', begin), text.size());
        const bool number = !last.empty() && std::isdigit(static_cast<unsigned char>(last.back())) != 0;
        if (open <= 0 && !(number && is_unit(text.substr(begin, next - begin))))
            return end;
        end = next;
    }
    return word;
}

} // namespace

size_t columns(std::string_view text)
{
    size_t n = 0;
    while (!text.empty()) {
        if (const size_t escape = escape_length(text)) {
            text.remove_prefix(escape);
            continue;
        }
        n += (static_cast<unsigned char>(text[0]) & 0xc0) != 0x80; // a code point's first byte
        text.remove_prefix(1);
    }
    return n;
}

std::string padded(std::string_view text, size_t width, bool right)
{
    const std::string blanks(width - std::min(width, columns(text)), ' ');
    return right ? blanks + std::string(text) : std::string(text) + blanks;
}

std::string wrapped(std::string_view text, size_t width, size_t first_indent, size_t indent)
{
    std::string out(first_indent, ' ');
    size_t column = first_indent;
    bool line_is_empty = true;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, length_together(text, width / 2));
        const size_t word_columns = columns(word);
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        if (!line_is_empty && column + 1 + word_columns > width) {
            out += '\n';
            out.append(indent, ' ');
            column = indent;
            line_is_empty = true;
        }
        if (!line_is_empty) {
            out += ' ';
            column++;
        }
        out += word;
        column += word_columns;
        line_is_empty = false;
    }
    return out;
}

std::string TextCanvas::paint(std::string_view code, std::string_view text) const
{
    return style_.colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

std::string TextCanvas::painted(Severity severity, std::string_view text) const
{
    // as gcc paints errors and warnings: to be read on light and on dark
    return paint(severity == Severity::leak ? "1;31" : severity == Severity::suspect ? "1;35" : "2", text);
}

std::string TextCanvas::linked(std::string_view text, const std::string &file, int line) const
{
    const std::string target = style_.link && !file.empty() ? style_.link(file, line) : std::string();
    if (target.empty())
        return std::string(text);
    // OSC 8 ; parameters ; URI ST: gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
    return fmt::format("\x1b]8;;{}\x1b\\{}\x1b]8;;\x1b\\", target, text);
}

void TextCanvas::line(std::string_view text)
{
    out_ += text;
    out_ += '\n';
}

void TextCanvas::wrapped_line(std::string_view text, size_t first_indent, size_t indent)
{
    line(wrapped(text, style_.width, first_indent, indent));
}

void TextCanvas::table(const std::vector<std::vector<std::string>> &rows)
{
    constexpr size_t indent = 5;
    std::vector<size_t> widths(rows[0].size()); // 0: left out
    size_t sum = indent, others = 0;
    for (size_t column = 0; column < widths.size(); column++) {
        bool any = column == 0;
        size_t widest = 0;
        for (size_t row = 0; row < rows.size(); row++) {
            widest = std::max(widest, columns(rows[row][column]));
            any = any || (row > 0 && !rows[row][column].empty());
        }
        widths[column] = any ? widest : 0;
        sum += widths[column];
        others += any && column > 0;
    }
    // Where there is little room: smaller gaps, then no more than the last columns.
    size_t gap = 3;
    while (gap > 1 && sum + others * gap > width())
        gap--;
    for (size_t column = 1; column + 1 < widths.size() && sum + others * gap > width(); column++) {
        sum -= widths[column];
        others -= widths[column] > 0;
        widths[column] = 0;
    }
    line("");
    for (size_t row = 0; row < rows.size(); row++) {
        std::string text = std::string(indent, ' ') + padded(rows[row][0], widths[0]);
        for (size_t column = 1; column < widths.size(); column++)
            if (widths[column])
                text += std::string(gap, ' ') + padded(rows[row][column], widths[column], true);
        text.erase(text.find_last_not_of(' ') + 1);
        line(row == 0 ? dim(text) : text);
    }
}

} // namespace unpaired
