#include "passes/own.h"

#include <fnmatch.h>

namespace unpaired {
namespace {

bool matches(const std::string &pattern, const Frame &frame)
{
    auto match = [&](const std::string &text) {
        return !text.empty() && ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
    };
    const std::string &function = frame.function;
    return match(function) || match(function.substr(0, function.find('('))) || match(frame.file) ||
           match(frame.module) || match(frame.module.substr(frame.module.rfind('/') + 1));
}

} // namespace

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

std::optional<std::string> match_owner(const std::vector<Frame> &stack, const std::vector<OwnerRule> &rules)
{
    for (const Frame &frame : stack)
        for (const OwnerRule &rule : rules)
            if (matches(rule.pattern, frame))
                return rule.owner;
    return std::nullopt;
}

std::string owner_of(const Site &site, const std::vector<Frame> &stack, const std::vector<OwnerRule> &rules)
{
    bool settled = site.owner_source == UNPAIRED_OWNER_SCOPE || site.owner_source == UNPAIRED_OWNER_RULE;
    if (!settled)
        if (std::optional<std::string> owner = match_owner(stack, rules))
            return *owner;
    return owner_text(site.owner);
}

} // namespace unpaired
