#include "symbols/owner_rules.h"

#include "symbols/function_name.h"
#include "symbols/wildcard.h"
#include "unpaired/owner_rules.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>

namespace unpaired {

namespace {

constexpr size_t max_module_pattern = sizeof(unpaired_rules_pattern::pattern) - 1;

constexpr std::array source_suffixes = {".c",   ".cc",  ".cpp", ".cxx", ".c++", ".C",   ".h",  ".hh",
                                        ".hpp", ".hxx", ".inc", ".inl", ".ipp", ".tcc", ".c*", ".h*",
                                        ".S",   ".s",   ".rs",  ".go",  ".m",   ".mm",  ".f",  ".f90",
                                        ".d",   ".zig", ".adb", ".ads", ".pas", ".ino", ".cu", ".vala"};

bool is_source_name(std::string_view pattern)
{
    return std::any_of(source_suffixes.begin(), source_suffixes.end(),
                       [&](std::string_view suffix) { return pattern.ends_with(suffix); });
}

/// ".so" at the end or before a version or wildcard: "libm.so", "libm.so.6", "libmodbus.so*".
bool is_library_name(std::string_view pattern)
{
    for (auto at = pattern.find(".so"); at != pattern.npos; at = pattern.find(".so", at + 1)) {
        auto rest = pattern.substr(at + 3);
        if (rest.empty() || rest[0] == '.' || rest[0] == '*' || rest[0] == '?')
            return true;
    }
    return false;
}

OwnerRuleKind kind_of(std::string_view pattern)
{
    if (is_library_name(pattern))
        return OwnerRuleKind::module;
    if (is_source_name(pattern))
        return OwnerRuleKind::source;
    bool has_path = pattern.find('/') != pattern.npos && pattern.find("operator/") == pattern.npos;
    if (!has_path)
        return OwnerRuleKind::function;
    return pattern[0] == '/' && !pattern.ends_with('/') && !pattern.ends_with('*') ? OwnerRuleKind::module
                                                                                   : OwnerRuleKind::source;
}

std::string_view base_name(std::string_view path)
{
    auto slash = path.rfind('/');
    return slash == path.npos ? path : path.substr(slash + 1);
}

bool matches_path(std::string_view pattern, std::string_view path)
{
    if (path.empty())
        return false;
    if (pattern.find('/') == pattern.npos)
        return wildcard_match(pattern, base_name(path));
    if (wildcard_match(pattern, path))
        return true;
    // "src/mqtt/*.c" means that directory wherever the tree was built
    return pattern[0] != '/' && pattern[0] != '*' && wildcard_match("*/" + std::string(pattern), path);
}

} // namespace

OwnerRule parse_owner_rule(const std::string &text)
{
    auto fail = [&](const std::string &reason) {
        return OwnerRuleError(fmt::format("owner rule '{}' {}; write PATTERN=OWNER, such as 'mqtt_*=MQTT', "
                                          "'*/modbus/*.c=MBUS' or 'libmodbus.so*=MBUS'",
                                          text, reason));
    };
    OwnerRule rule;
    rule.text = text;
    auto equals = text.rfind('=');
    if (equals == text.npos)
        throw fail("has no '='");
    rule.pattern = text.substr(0, equals);
    rule.owner = text.substr(equals + 1);
    bool printable =
        std::all_of(rule.owner.begin(), rule.owner.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (rule.owner.empty() || rule.owner.size() > 4 || !printable || rule.owner[0] == ' ')
        throw fail(fmt::format("has an owner that is not 1 to 4 printable ASCII characters ({} bytes)",
                               rule.owner.size()));
    rule.owner.resize(rule.owner.find_last_not_of(' ') + 1);

    auto prefixed = [&](std::string_view prefix) { // "fun::call=X" is a C++ name, not a prefix
        if (!rule.pattern.starts_with(prefix) || rule.pattern.substr(prefix.size()).starts_with(':'))
            return false;
        rule.pattern.erase(0, prefix.size());
        return true;
    };
    if (prefixed("fun:"))
        rule.kind = OwnerRuleKind::function;
    else if (prefixed("src:"))
        rule.kind = OwnerRuleKind::source;
    else if (prefixed("mod:"))
        rule.kind = OwnerRuleKind::module;
    else
        rule.kind = kind_of(rule.pattern);
    if (rule.pattern.empty())
        throw fail("has no pattern");
    if (rule.kind == OwnerRuleKind::module && rule.pattern.size() > max_module_pattern)
        throw fail(fmt::format("has a module pattern longer than {} bytes", max_module_pattern));
    return rule;
}

std::vector<OwnerRule> parse_owner_rules(const std::vector<std::string> &texts)
{
    std::vector<OwnerRule> rules;
    rules.reserve(texts.size());
    for (const auto &text : texts)
        rules.push_back(parse_owner_rule(text));
    return rules;
}

bool matches_function(const OwnerRule &rule, const std::string &demangled, const std::string &linkage_name)
{
    if (rule.kind != OwnerRuleKind::function || (demangled.empty() && linkage_name.empty()))
        return false;
    return (!demangled.empty() && (wildcard_match(rule.pattern, qualified_name(demangled)) ||
                                   wildcard_match(rule.pattern, demangled))) ||
           (!linkage_name.empty() && wildcard_match(rule.pattern, linkage_name));
}

bool matches_source(const OwnerRule &rule, const std::string &file)
{
    return rule.kind == OwnerRuleKind::source && matches_path(rule.pattern, file);
}

bool matches_module(const OwnerRule &rule, const std::string &path)
{
    return rule.kind == OwnerRuleKind::module && matches_path(rule.pattern, path);
}

std::optional<std::string> match_rules(const std::vector<OwnerRule> &rules, const Stack &stack)
{
    for (const auto &frame : stack)
        for (const auto &rule : rules)
            if (matches_function(rule, frame.function, "") || matches_source(rule, frame.file) ||
                matches_module(rule, frame.module))
                return rule.owner;
    return std::nullopt;
}

} // namespace unpaired
