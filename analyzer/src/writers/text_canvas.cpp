#include "writers/text_canvas.h"

#include <algorithm>
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
        const size_t blank = text.find(' ');
        const std::string_view word = text.substr(0, blank);
        const size_t word_columns = columns(word);
        text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
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
    return paint(severity == Severity::leak ? "1;31" : severity == Severity::suspect ? "1;33" : "2", text);
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
    std::vector<std::string> lines(rows.size(), "    ");
    for (size_t column = 0; column < rows[0].size(); column++) {
        size_t widest = 0;
        bool any = false;
        for (size_t row = 0; row < rows.size(); row++) {
            widest = std::max(widest, columns(rows[row][column]));
            any = any || (row > 0 && !rows[row][column].empty());
        }
        for (size_t row = 0; any && row < rows.size(); row++)
            lines[row] += (column == 0 ? " " : "   ") + padded(rows[row][column], widest, column > 0);
    }
    line("");
    for (size_t row = 0; row < lines.size(); row++) {
        lines[row].erase(lines[row].find_last_not_of(' ') + 1);
        line(row == 0 ? dim(lines[row]) : lines[row]);
    }
}

} // namespace unpaired
