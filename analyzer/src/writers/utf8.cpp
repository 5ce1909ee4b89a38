#include "writers/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>

namespace unpaired {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD

struct Lead {
    uint8_t mask, bits; ///< of the first byte
    size_t length;
    uint32_t least; ///< what is less is spelled too long
};
constexpr std::array<Lead, 4> leads = {
    {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}}};

/// Length of the character that `text` begins with (RFC 3629), 0 if it is none. `code` is its number.
size_t character(std::string_view text, uint32_t &code)
{
    const auto first = static_cast<uint8_t>(text.front());
    for (const Lead &lead : leads) {
        if ((first & lead.mask) != lead.bits || lead.length > text.size())
            continue;
        code = first & static_cast<uint8_t>(~lead.mask);
        for (size_t i = 1; i < lead.length; i++) {
            const auto next = static_cast<uint8_t>(text[i]);
            if ((next & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (next & 0x3f);
        }
        const bool surrogate = code >= 0xd800 && code < 0xe000;
        return code < lead.least || code > 0x10ffff || surrogate ? 0 : lead.length;
    }
    return 0;
}

struct Range {
    uint32_t first, last;
};

/// Characters that control a terminal, change the order of the text around them, or are invisible: the general
/// categories Cc, Cf, Zl and Zp of Unicode 15, what it lists as Default_Ignorable_Code_Point, and noncharacters. In
/// order.
constexpr std::array<Range, 26> hidden = {{
    {0x00, 0x1f},       {0x7f, 0x9f},     {0xad, 0xad},     {0x34f, 0x34f},     {0x600, 0x605},
    {0x61c, 0x61c},     {0x6dd, 0x6dd},   {0x70f, 0x70f},   {0x890, 0x891},     {0x8e2, 0x8e2},
    {0x115f, 0x1160},   {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f},   {0x3164, 0x3164}, {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},   {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff},
}};

bool is_hidden(uint32_t code)
{
    const auto *range =
        std::find_if(hidden.begin(), hidden.end(), [code](const Range &one) { return code <= one.last; });
    return (range != hidden.end() && range->first <= code) || (code & 0xfffe) == 0xfffe;
}

bool is_plain_ascii(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string cleaned_utf8(std::string_view text, std::string_view kept)
{
    if (is_plain_ascii(text))
        return std::string(text);
    std::string out;
    while (!text.empty()) {
        uint32_t code = 0;
        const size_t length = character(text, code);
        if (length == 0)
            out += replacement;
        else if (is_hidden(code) && kept.find(text.front()) == std::string_view::npos)
            out += '?';
        else
            out += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

} // namespace

std::string printable_utf8(std::string_view text) { return cleaned_utf8(text, "\n\t"); }

std::string one_printable_line(std::string_view text) { return cleaned_utf8(text, ""); }

std::string printable_json(std::string_view json)
{
    std::string out;
    while (!json.empty()) {
        uint32_t code = 0;
        const size_t length = std::max<size_t>(character(json, code), 1);
        if (!is_hidden(code) || code < 0x20)
            out += json.substr(0, length);
        else if (code < 0x10000)
            out += fmt::format("\\u{:04x}", code);
        else
            out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((code - 0x10000) >> 10),
                               0xdc00 + ((code - 0x10000) & 0x3ff));
        json.remove_prefix(length);
    }
    return out;
}

} // namespace unpaired
