#include "words.h"

#include "families.h"
#include "report.h"
#include "symbols/function_name.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <fmt/format.h>

namespace unpaired {
namespace {

std::string plural_of(std::string_view display)
{
    // The noun itself comes first in "object from new" and "RT-Thread mutex in place", last everywhere else.
    const size_t from = std::min(display.find(" from "), display.find(" in place"));
    const std::string_view head = display.substr(0, from);
    const std::string_view tail = from == std::string_view::npos ? std::string_view() : display.substr(from);
    const char last = head.empty() ? ' ' : head.back();
    const bool consonant_y = last == 'y' && head.size() > 1 &&
                             std::string_view("aeiou").find(head[head.size() - 2]) == std::string_view::npos;
    if (consonant_y)
        return fmt::format("{}ies{}", head.substr(0, head.size() - 1), tail);
    return fmt::format("{}{}{}", head, last == 's' || last == 'x' || last == 'h' ? "es" : "s", tail);
}

struct Verb {
    std::string_view verb, participle, calls; ///< "close", "closed", "closes"
};
constexpr Verb verbs[] = {
    {"release", "released", "releases"},  {"close", "closed", "closes"},
    {"free", "freed", "frees"},           {"unmap", "unmapped", "unmaps"},
    {"destroy", "destroyed", "destroys"}, {"unlock", "unlocked", "unlocks"},
    {"join", "joined", "joins"},          {"delete", "deleted", "deletes"},
    {"detach", "detached", "detaches"},
};

const Verb &verb_of(std::string_view family)
{
    std::string_view name = verb_of_table(family);
    if (const FamilyOfTable *known = family_of_table(family); name.empty() && known != nullptr)
        name = verb_of_table(known->space);
    const auto found =
        std::find_if(std::begin(verbs), std::end(verbs), [&](const Verb &verb) { return verb.verb == name; });
    return found == std::end(verbs) ? verbs[0] : *found;
}

/// The name with "<...>" for each outermost list of template arguments; as it is if the brackets do not match.
std::string without_template_arguments(std::string_view name)
{
    constexpr std::string_view word = "operator", comparisons = "<=>-";
    std::string result;
    for (size_t i = 0; i < name.size();) {
        const bool is_operator =
            name.substr(i).starts_with(word) && (i == 0 || name[i - 1] == ':' || name[i - 1] == ' ');
        if (is_operator) { // its brackets are its name
            const size_t end = std::min(name.find_first_not_of(comparisons, i + word.size()), name.size());
            result += name.substr(i, end - i);
            i = end;
        } else if (name[i] == '<') {
            size_t end = i + 1;
            for (int depth = 1; depth > 0; end++) {
                if (end >= name.size())
                    return std::string(name);
                depth += name[end] == '<' ? 1 : name[end] == '>' && name[end - 1] != '-' ? -1 : 0;
            }
            result += "<...>";
            i = end;
        } else {
            result += name[i++];
        }
    }
    return result;
}

} // namespace

std::string family_noun(std::string_view family, uint64_t n)
{
    const FamilyOfTable *known = family_of_table(family);
    const std::string_view display = known ? known->display : family;
    return n == 1 ? std::string(display) : plural_of(display);
}

std::string_view family_released(std::string_view family) { return verb_of(family).participle; }

std::string_view family_release(std::string_view family, uint64_t n)
{
    const Verb &verb = verb_of(family);
    return n == 1 ? verb.verb : verb.calls;
}

std::string grouped(uint64_t n)
{
    const std::string digits = fmt::format("{}", n);
    std::string out;
    for (size_t i = 0; i < digits.size(); i++) {
        if (i > 0 && (digits.size() - i) % 3 == 0)
            out += ',';
        out += digits[i];
    }
    return out;
}

std::string bytes_text(uint64_t bytes)
{
    if (bytes < 10000)
        return grouped(bytes) + " B";
    static constexpr std::array units = {"KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes) / 1024;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        unit++;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string duration_text(double seconds)
{
    if (seconds < 10)
        return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<uint64_t>(std::llround(seconds));
    if (whole < 60)
        return fmt::format("{} s", whole);
    if (whole < 3600)
        return fmt::format("{} min {} s", whole / 60, whole % 60);
    if (whole < 86400)
        return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
}

std::string cycle_noun(const TraceInfo &trace, uint64_t n)
{
    const std::string name =
        trace.cycle_source == "marks" ? trace.cycle_name : function_text(trace.cycle_name);
    if (name.empty())
        return n == 1 ? "cycle" : "cycles";
    // a mark's name says what a cycle is; a function begins one each time it is called
    if (trace.cycle_source != "marks")
        return fmt::format("{} of {}", n == 1 ? "call" : "calls", name);
    if (!std::isalpha(static_cast<unsigned char>(name.back())))
        return fmt::format("{} of {}", n == 1 ? "cycle" : "cycles", name);
    const bool plural = name.size() > 2 && name.back() == 's' &&
                        std::string_view("sui").find(name[name.size() - 2]) == std::string_view::npos;
    return n == 1 || plural ? name : plural_of(name);
}

std::string function_text(const std::string &function)
{
    const std::string text = demangle(function);
    // The parameters of operator new and delete only tell the size_t: what a reader looks for is the operator.
    return text.starts_with("operator ") ? std::string(qualified_name(text)) : text;
}

std::string shortened_name(const std::string &function, size_t widest)
{
    if (function.size() <= widest)
        return function;
    const std::string plain = without_template_arguments(function);
    if (plain.size() <= widest)
        return plain;
    const std::string_view name = qualified_name(plain);
    return name.size() == plain.size() ? plain : fmt::format("{}(...)", name);
}

std::string joined_and(const std::vector<std::string> &parts)
{
    if (parts.size() < 2)
        return parts.empty() ? std::string() : parts.front();
    return fmt::format("{} and {}", fmt::join(parts.begin(), parts.end() - 1, ", "), parts.back());
}

} // namespace unpaired
