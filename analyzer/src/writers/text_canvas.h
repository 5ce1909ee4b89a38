// What a text report is drawn on: lines of a given width, with colours where the reader's terminal has them.
#pragma once

#include "report.h"
#include "writers/text.h"

#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// How many columns of a terminal `text` takes: a code point one, an escape sequence (colour, link) none.
size_t columns(std::string_view text);

/// `text` with blanks behind it (or before it, if `right`) until it takes `width` columns.
std::string padded(std::string_view text, size_t width, bool right = false);

/// `text` in lines of at most `width` columns, broken at blanks, but neither between a number and its unit nor within
/// a parenthesis of up to half that width; lines after the first are indented. Escape sequences take no columns.
std::string wrapped(std::string_view text, size_t width, size_t first_indent, size_t indent);

/// Collects the lines of a report. What paints returns its argument unchanged where there is no colour.
class TextCanvas {
public:
    /// `style` must outlive the canvas.
    explicit TextCanvas(const TextStyle &style) : style_(style) {}

    const TextStyle &style() const { return style_; }
    size_t width() const { return style_.width; }

    std::string bold(std::string_view text) const { return paint("1", text); }
    std::string dim(std::string_view text) const { return paint("2", text); }
    /// `text` in the colour of a severity.
    std::string painted(Severity severity, std::string_view text) const;
    /// `text` as a link to a line of `file`, where the style has links and that file has one.
    std::string linked(std::string_view text, const std::string &file, int line) const;

    void line(std::string_view text);
    void wrapped_line(std::string_view text, size_t first_indent, size_t indent);

    /// An empty line and the rows, the first of which is the heading: the first column to the left, the others
    /// to the right. A column that has no value below its heading is left out; where the width is too little for
    /// all, so are the first of the others.
    void table(const std::vector<std::vector<std::string>> &rows);

    /// What was drawn; the canvas is empty afterwards.
    std::string taken() { return std::move(out_); }

private:
    std::string paint(std::string_view code, std::string_view text) const;

    const TextStyle &style_;
    std::string out_;
};

} // namespace unpaired
