#include "commands/limit_options.h"

#include "commands/option_values.h"
#include "commands/resource_table.h"
#include "commands/trouble.h"
#include "families.h"
#include "near_names.h"
#include "passes/judge.h"
#include "words.h"

#include <algorithm>
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
    const std::optional<Amount> amount = parse_amount(number);
    if (!amount)
        throw Trouble(fmt::format("--limit: '{}' is no number above 0, and no size such as 256K.", number));
    limit.value = amount->value;
    limit.bytes = !amount->unit.empty();
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
    // in force: what the recorder follows that these traces, or a program to be started, are of
    std::set<std::string> in_force, acquired;
    for (const Trace &trace : traces) {
        for (const auto &[id, family] : trace.dictionary.families)
            in_force.insert(family.name);
        for (const auto &[id, space] : trace.dictionary.spaces)
            in_force.insert(space.name);
        for (const Counter &counter : trace.counters)
            if (const auto site = trace.sites.find(counter.site);
                site != trace.sites.end() && trace.dictionary.families.contains(site->second.family))
                acquired.insert(trace.dictionary.families.at(site->second.family).name);
    }
    if (traces.empty())
        for (const TableFamily &family : resource_table().families) {
            in_force.emplace(family.name);
            in_force.emplace(family.space);
        }
    const std::string there_are =
        acquired.empty() || acquired.size() > 10
            ? std::string("unpaired resources lists them")
            : fmt::format("what was recorded is of {}", joined_and({acquired.begin(), acquired.end()}));
    const auto in_a_table = [](const std::string &name) {
        return std::any_of(families_of_table().begin(), families_of_table().end(),
                           [&](const FamilyOfTable &one) { return one.name == name || one.space == name; });
    };
    for (const GivenLimit &limit : limits)
        if (!in_force.contains(limit.family) && !in_a_table(limit.family))
            throw Trouble(fmt::format("--limit: {}", no_such("family", limit.family, in_force, there_are)));
}

} // namespace unpaired
