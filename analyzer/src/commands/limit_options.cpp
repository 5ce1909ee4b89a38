#include "commands/limit_options.h"

#include "commands/trouble.h"
#include "families.h"
#include "passes/judge.h"
#include "words.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <set>

namespace unpaired {
namespace {

GivenLimit parse_limit(const std::string &text)
{
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
        throw Trouble(
            fmt::format("--limit: '{}' should be FAMILY=N, such as socket=512 or heap=256K.", text));
    GivenLimit limit;
    limit.family = text.substr(0, equals);
    const std::string number = text.substr(equals + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), limit.value);
    const std::string_view unit(end, static_cast<size_t>(number.data() + number.size() - end));
    const unsigned shift = unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : 0;
    if (error != std::errc() || limit.value == 0 || !(unit.empty() || unit == "B" || shift > 0) ||
        limit.value > UINT64_MAX >> shift)
        throw Trouble(fmt::format("--limit: '{}' is no number above 0, and no size such as 256K.", number));
    limit.value <<= shift;
    limit.bytes = !unit.empty();
    return limit;
}

bool has_size(const std::string &family)
{
    for (const FamilyOfTable &known : families_of_table())
        if (known.name == family || known.space == family)
            return class_of_space(known.space, UNPAIRED_KIND_NUMBERED) == ResourceClass::memory;
    return true; // a user's own
}

} // namespace

std::vector<GivenLimit> parse_limits(const std::vector<std::string> &given)
{
    std::vector<GivenLimit> limits;
    for (const std::string &text : given) {
        limits.push_back(parse_limit(text));
        const GivenLimit &limit = limits.back();
        if (limit.bytes && !has_size(limit.family))
            throw Trouble(fmt::format("--limit: {} are counted and have no size; leave the unit out of '{}'.",
                                      family_noun(limit.family, 2), text));
    }
    return limits;
}

void require_known_families(const std::vector<GivenLimit> &limits, const std::vector<Trace> &traces)
{
    std::set<std::string, std::less<>> known;
    for (const FamilyOfTable &family : families_of_table()) {
        known.emplace(family.name);
        known.emplace(family.space);
    }
    for (const Trace &trace : traces) {
        for (const auto &[id, family] : trace.dictionary.families)
            known.insert(family.name);
        for (const auto &[id, space] : trace.dictionary.spaces)
            known.insert(space.name);
    }
    for (const GivenLimit &limit : limits)
        if (!known.contains(limit.family))
            throw Trouble(fmt::format("--limit: there is no family '{}' (there are {}).", limit.family,
                                      fmt::join(known, ", ")));
}

} // namespace unpaired
