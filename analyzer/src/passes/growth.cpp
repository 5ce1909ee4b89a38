#include "passes/growth.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

namespace unpaired {
namespace {

// A recorder's clock stands still for some milliseconds: shorter runs have no shape.
constexpr uint32_t shortest_shape_ms = 200, shortest_series_ms = 100;
// What the clock says counts as evidence from here on, and a start-up may be over.
constexpr uint32_t long_run_ms = 1000;
constexpr size_t fewest_for_clock = 8; // few survivors fall evenly by chance

/// In which periods (cycles, or equal parts of the time) of a run survivors were acquired, and how many in each.
class History {
public:
    /// Periods go from 0 to `last`.
    explicit History(uint32_t last) : last_(last) {}

    void add(uint32_t period)
    {
        grew_[std::min(period, last_)]++;
        count_++;
    }

    /// Whether it grew to the end: between warm-up and grace often enough, as often in the later half, and not ever
    /// more rarely. Where as many were given back, what lies in the later half may be what comes and goes.
    bool goes_on(uint64_t released) const
    {
        const size_t wanted = std::clamp<size_t>(last_ < 3 ? 3 : last_ - 2, 1, 3);
        if (grew_.size() < 3 || settled().size() < wanted || !reaches_the_end())
            return false;
        const bool may_come_and_go = in_later_half() * 4 > count_ * 3 && released >= count_;
        return steady() && !ever_rarer() && !may_come_and_go;
    }

    uint64_t in_later_half() const
    {
        uint64_t sum = 0;
        for (auto at = grew_.upper_bound(last_ / 2); at != grew_.end(); ++at)
            sum += at->second;
        return sum;
    }

    /// Linear if it grew in every other period or more often.
    Growth kind_of_growth() const
    {
        return settled().size() * 2 >= settled_span() ? Growth::linear : Growth::step;
    }

    /// Mean number for each period between warm-up and grace, from where it began.
    double rate() const
    {
        uint64_t sum = 0;
        for (const auto &[period, n] : settled())
            sum += n;
        return static_cast<double>(sum) / static_cast<double>(settled_span());
    }

    Growth kind_of_rest() const
    {
        if (count_ == 1)
            return Growth::once;
        if (last_ >= 3 && uint64_t{first()} * 4 >= uint64_t{last_} * 3)
            return Growth::sawtooth;
        return reaches_the_end() && steady() && !ever_rarer() ? Growth::step : Growth::plateau;
    }

private:
    using Periods = std::map<uint32_t, uint64_t>;
    static constexpr uint32_t warm_up = 2; // 0, before the first, and 1

    /// Without warm-up and grace.
    Periods settled() const
    {
        return Periods(grew_.lower_bound(warm_up), grew_.lower_bound(std::max(warm_up, last_)));
    }
    uint32_t first() const { return grew_.begin()->first; }
    uint32_t settled_first() const { return settled().empty() ? warm_up : settled().begin()->first; }
    uint64_t settled_span() const { return std::max<uint64_t>(uint64_t{last_} - settled_first(), 1); }

    /// Something was added in the last third. A mark may stand behind its cycle's work: then the last has none.
    bool reaches_the_end() const
    {
        const Periods periods = settled();
        if (periods.empty())
            return false;
        const uint64_t latest = periods.rbegin()->first;
        return latest + 2 >= last_ || latest * 3 >= (uint64_t{last_} + 1) * 2;
    }

    bool steady() const
    {
        const Periods periods = settled();
        const uint64_t middle = (uint64_t{settled_first()} + last_) / 2;
        const auto later = std::distance(periods.lower_bound(static_cast<uint32_t>(middle)), periods.end());
        return static_cast<size_t>(later) * 3 >= periods.size();
    }

    /// Each pause is nearly twice the one before: a pool that doubles.
    bool ever_rarer() const
    {
        const Periods periods = settled();
        if (periods.size() < 3)
            return false;
        uint64_t before = 0;
        for (auto at = periods.begin(), next = std::next(at); next != periods.end(); at = next++) {
            const uint64_t pause = next->first - at->first;
            if (pause * 5 < before * 9)
                return false;
            before = pause;
        }
        return true;
    }

    uint32_t last_;
    uint64_t count_ = 0;
    Periods grew_;
};

GrowthVerdict by_cycles(const std::vector<Age> &ages, const Run &run, uint64_t released)
{
    History history(run.cycles);
    for (const Age &age : ages)
        history.add(age.cycle);
    GrowthVerdict verdict;
    if (history.goes_on(released)) {
        verdict.growth = history.kind_of_growth();
        verdict.per_cycle = history.rate();
        verdict.over_cycles = verdict.still_growing = true;
    } else {
        verdict.growth = history.kind_of_rest();
    }
    return verdict;
}

/// Time is cut into as many parts as there are survivors, so that what is spread evenly falls into most of them.
GrowthVerdict by_time(const std::vector<Age> &ages, const Run &run, uint64_t released)
{
    GrowthVerdict verdict;
    if (ages.size() == 1)
        verdict.growth = Growth::once;
    if (run.duration_ms() < shortest_shape_ms || ages.size() < fewest_for_clock)
        return verdict;
    const uint64_t parts = std::clamp<uint64_t>(ages.size(), fewest_for_clock, 32);
    History history(static_cast<uint32_t>(parts - 1));
    for (const Age &age : ages) {
        const uint64_t since = age.time_ms > run.start_ms ? age.time_ms - run.start_ms : 0;
        history.add(static_cast<uint32_t>(since * parts / run.duration_ms()));
    }
    // a program that goes on adding a little to what it began with is not called growing by the clock alone
    if (history.goes_on(released) && history.in_later_half() * 4 >= ages.size()) {
        verdict.growth = history.kind_of_growth();
        verdict.still_growing = true;
    } else {
        verdict.growth = history.kind_of_rest();
    }
    return verdict;
}

/// With few cycles the clock tells, if the run was long enough for a start-up to be over.
bool all_at_start(const std::vector<Age> &ages, const Run &run)
{
    const bool by_cycle = run.cycles >= 3;
    if (!by_cycle && run.duration_ms() < long_run_ms)
        return false;
    return std::all_of(ages.begin(), ages.end(), [&](const Age &age) {
        return by_cycle ? uint64_t{age.cycle} * 4 <= run.cycles
                        : uint64_t{age.time_ms} * 4 <= uint64_t{run.start_ms} * 3 + run.end_ms;
    });
}

} // namespace

GrowthVerdict judge_growth(const std::vector<Age> &ages, const Run &run, uint64_t released)
{
    if (ages.empty())
        return {};
    // One cycle or two are none to compare.
    GrowthVerdict verdict = run.cycles >= 3 ? by_cycles(ages, run, released) : by_time(ages, run, released);
    verdict.at_start = all_at_start(ages, run);
    return verdict;
}

uint64_t left_by_each(uint64_t count, uint64_t cycles)
{
    // Of few cycles, and of large multiples, nearly every number is one by chance.
    constexpr uint64_t fewest = 3, fewest_for_slack = 10, largest = 16, largest_for_slack = 4, of_warm_up = 2;
    if (cycles < fewest || count < cycles - 1)
        return 0;
    const uint64_t each = (count + cycles / 2) / cycles;
    if (each == 0 || each > largest || each > cycles / 2)
        return 0;
    if (count == each * cycles)
        return each;
    const bool near = count + each >= each * cycles && count <= each * cycles + of_warm_up;
    return near && cycles >= fewest_for_slack && each <= largest_for_slack ? each : 0;
}

GrowthVerdict judge_growth_by_number(uint64_t count, const std::vector<Age> &ages, const Run &run,
                                     uint32_t cycles, uint64_t released)
{
    const uint64_t each = left_by_each(count, cycles);
    GrowthVerdict verdict;
    if (!ages.empty())
        verdict = judge_growth(ages, {0, run.start_ms, run.end_ms}, released);
    const bool clock_tells = verdict.growth.has_value() && *verdict.growth != Growth::once;
    if (clock_tells && !verdict.still_growing)
        return verdict;
    if (each > 0) {
        verdict.growth = Growth::linear;
        verdict.per_cycle = static_cast<double>(each);
        verdict.over_cycles = clock_tells && run.duration_ms() >= long_run_ms;
    } else if (clock_tells && cycles > 0) {
        verdict.per_cycle = static_cast<double>(count) / cycles;
    }
    return verdict;
}

std::vector<GrowthPoint> sum_up(const std::vector<Age> &ages, const Run &run)
{
    constexpr size_t most_points = 64;
    const bool by_cycle = run.cycles > 0;
    if (ages.empty() || (!by_cycle && run.duration_ms() < shortest_series_ms))
        return {};
    std::vector<double> when;
    for (const Age &age : ages)
        when.push_back(by_cycle
                           ? std::min(age.cycle, run.cycles)
                           : (std::clamp(age.time_ms, run.start_ms, run.end_ms) - run.start_ms) / 1000.0);
    std::sort(when.begin(), when.end());
    const double end = by_cycle ? run.cycles : run.duration_ms() / 1000.0;
    const size_t steps = by_cycle ? std::min<size_t>(run.cycles, most_points - 1) : most_points - 1;
    std::vector<GrowthPoint> points;
    points.reserve(steps + 1);
    for (size_t i = 0; i <= steps; i++) {
        double x = end * static_cast<double>(i) / static_cast<double>(steps);
        if (by_cycle)
            x = std::round(x);
        const auto until = std::upper_bound(when.begin(), when.end(), x);
        points.push_back({x, static_cast<uint64_t>(until - when.begin())});
    }
    return points;
}

} // namespace unpaired
