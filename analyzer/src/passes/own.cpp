#include "passes/own.h"

namespace unpaired {
std::string owner_text(uint32_t owner)
{
    std::string text;
    for (int i = 0; i < 4; i++) {
        char c = static_cast<char>(owner >> (8 * i));
        if (c == '\0')
            break;
        // a damaged or binary owner must not reach a terminal
        text += c >= ' ' && c <= '~' ? c : '?';
    }
    while (!text.empty() && text.back() == ' ')
        text.pop_back();
    return text;
}

std::string owner_of(const Site &site, const Stack &stack, const std::vector<OwnerRule> &rules)
{
    if (site.owner_source != UNPAIRED_OWNER_SCOPE)
        if (std::optional<std::string> owner = match_rules(rules, stack))
            return *owner;
    return owner_text(site.owner);
}

} // namespace unpaired
