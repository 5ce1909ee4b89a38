#include "passes/growth.h"

#include <algorithm>
#include <array>
#include <set>

namespace unpaired {
namespace {

GrowthVerdict by_cycles(const std::vector<Age> &ages, uint32_t last)
{
    std::set<uint32_t> grew_in;
    for (const Age &age : ages)
        grew_in.insert(std::min(age.cycle, last));
    const uint32_t first = *grew_in.begin(), latest = *grew_in.rbegin();
    const uint64_t periods = uint64_t{last} + 1, span = uint64_t{latest} - first + 1;

    GrowthVerdict verdict;
    // The last mark may stand before the last cycle's work or behind it.
    const bool to_the_end = latest + 1 >= last || uint64_t{latest} * 3 >= periods * 2;
    if (grew_in.size() >= 3 && to_the_end && first * 2 <= last) {
        verdict.growth = grew_in.size() * 2 >= span ? Growth::linear : Growth::step;
        verdict.per_cycle = static_cast<double>(ages.size()) / static_cast<double>(span);
        verdict.over_cycles = verdict.still_growing = true;
    } else if (ages.size() == 1) {
        verdict.growth = Growth::once;
    } else if (last >= 3 && uint64_t{first} * 4 >= uint64_t{last} * 3) {
        verdict.growth = Growth::sawtooth;
    } else if (!to_the_end || latest == 0) {
        verdict.growth = Growth::plateau;
    } else {
        verdict.growth = Growth::step;
    }
    return verdict;
}

GrowthVerdict by_time(const std::vector<Age> &ages, const Run &run)
{
    GrowthVerdict verdict;
    if (ages.size() == 1) {
        verdict.growth = Growth::once;
        return verdict;
    }
    // Times are coarse (some 4 ms), and few survivors fall evenly by chance.
    constexpr uint32_t shortest_ms = 200;
    constexpr size_t fewest = 8;
    if (run.end_ms < run.start_ms + shortest_ms || ages.size() < fewest)
        return verdict;
    std::array<size_t, 4> quarters{};
    const uint64_t duration = run.end_ms - run.start_ms;
    for (const Age &age : ages) {
        uint64_t since = age.time_ms > run.start_ms ? age.time_ms - run.start_ms : 0;
        quarters[std::min<uint64_t>(since * 4 / duration, 3)]++;
    }
    if (std::all_of(quarters.begin(), quarters.end(), [&](size_t n) { return n * 8 >= ages.size(); })) {
        verdict.growth = Growth::linear;
        verdict.still_growing = true;
    } else if (quarters[0] == ages.size()) {
        verdict.growth = Growth::plateau;
    } else if (quarters[3] == ages.size()) {
        verdict.growth = Growth::sawtooth;
    } else {
        verdict.growth = Growth::step;
    }
    return verdict;
}

/// With few marks the clock tells, if the run was long enough for a start-up to be over.
bool all_at_start(const std::vector<Age> &ages, const Run &run)
{
    constexpr uint32_t shortest_ms = 1000;
    const bool by_cycle = run.cycles >= 3;
    if (!by_cycle && run.end_ms - run.start_ms < shortest_ms)
        return false;
    return std::all_of(ages.begin(), ages.end(), [&](const Age &age) {
        return by_cycle ? uint64_t{age.cycle} * 4 <= run.cycles
                        : uint64_t{age.time_ms} * 4 <= uint64_t{run.start_ms} * 3 + run.end_ms;
    });
}

} // namespace

GrowthVerdict judge_growth(const std::vector<Age> &ages, const Run &run)
{
    if (ages.empty())
        return {};
    // With one mark or two there are not three cycles to compare.
    GrowthVerdict verdict = run.cycles >= 2 ? by_cycles(ages, run.cycles) : by_time(ages, run);
    verdict.at_start = all_at_start(ages, run);
    return verdict;
}

} // namespace unpaired
