// The pattern language of owner rules.
#pragma once

#include <string_view>

namespace unpaired {

/// True if `pattern` matches all of `text`: `*` stands for any characters ('/' too), `?` for one, and every
/// other character for itself ("operator[]" needs no quoting). The recorder matches module names the same way.
inline bool wildcard_match(std::string_view pattern, std::string_view text)
{
    size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            p++;
            t++;
        } else if (star != std::string_view::npos) { // let the last star take one character more
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        p++;
    return p == pattern.size();
}

} // namespace unpaired
