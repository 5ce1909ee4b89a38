#include "writers/utf8.h"

#include <array>
#include <cstdint>

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

bool is_control(uint32_t code)
{
    return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0) || code == 0xfffe ||
           code == 0xffff;
}

} // namespace

std::string printable_utf8(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        uint32_t code = 0;
        const size_t length = character(text, code);
        if (length == 0)
            out += replacement;
        else if (is_control(code))
            out += '?';
        else
            out += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

} // namespace unpaired
