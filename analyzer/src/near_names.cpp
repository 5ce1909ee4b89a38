#include "near_names.h"

#include "words.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <utility>

namespace unpaired {
namespace {

/// How many letters must be put in, taken out, changed or swapped with the next to turn one into the other
/// (Damerau's distance, of optimal string alignment).
size_t distance(std::string_view a, std::string_view b)
{
    std::vector<size_t> row(b.size() + 1), before(b.size() + 1), two_before;
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); i++) {
        two_before = std::exchange(before, row);
        row[0] = i;
        for (size_t j = 1; j <= b.size(); j++) {
            row[j] =
                std::min({before[j] + 1, row[j - 1] + 1, before[j - 1] + (a[i - 1] != b[j - 1] ? 1u : 0u)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], two_before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

} // namespace

std::vector<std::string> near_names(std::string_view name, const std::set<std::string> &names)
{
    constexpr size_t most = 4, longest = 80; // who writes more has not mistyped a name
    if (name.size() > longest)
        return {};
    std::vector<std::pair<size_t, std::string>> near;
    for (const std::string &known : names) {
        const size_t far = distance(name, known);
        const bool form =
            name.size() >= 3 && known.size() >= 3 &&
            (known.find(name) != std::string::npos || name.find(known) != std::string_view::npos);
        if (far <= std::max<size_t>(1, name.size() / 3) || form)
            near.emplace_back(far, known);
    }
    std::sort(near.begin(), near.end());
    std::vector<std::string> result;
    for (const auto &[far, known] : near)
        if (result.size() < most)
            result.push_back(known);
    return result;
}

std::string joined_or(const std::vector<std::string> &parts)
{
    if (parts.size() < 2)
        return parts.empty() ? std::string() : parts.front();
    return fmt::format("{} or {}", fmt::join(parts.begin(), parts.end() - 1, ", "), parts.back());
}

std::string no_such(std::string_view what, std::string_view name, const std::set<std::string> &names,
                    std::string_view otherwise)
{
    constexpr size_t few = 10;
    const std::string unknown = fmt::format("there is no {} '{}'", what, name);
    if (const std::vector<std::string> near = near_names(name, names); !near.empty())
        return fmt::format("{}; did you mean {}?", unknown, joined_or(near));
    if (!names.empty() && names.size() <= few)
        return fmt::format("{}; known are {}", unknown, joined_and({names.begin(), names.end()}));
    return otherwise.empty() ? unknown : fmt::format("{}; {}", unknown, otherwise);
}

} // namespace unpaired
