#include "passes/limits.h"

#include "passes/names.h"
#include "words.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace unpaired {
namespace {

// select(2) cannot take descriptors from here on; glibc aborts in __fdelt_chk.
constexpr const char *select_limit = "FD_SETSIZE";
constexpr uint64_t standard_descriptors = 3;
constexpr double century_s = 100 * 365.25 * 86400;

/// A limit that holds for an image, from the trace or given.
struct Bound {
    uint64_t value = 0;
    std::string name;
    uint16_t space = 0, family = 0; ///< family 0: all of the space
    bool bytes = false, given = false;
    uint64_t live = 0; ///< what counts against it at the end, parts and what is no fault included
};

bool holds_handles(const Finding &finding)
{
    return finding.rule == "never-released" || finding.rule == "release-failed";
}

bool is_under(const Bound &bound, const Trace &trace, const Described &one)
{
    return one.space == bound.space &&
           (bound.family == 0 || family_name(trace, bound.family) == one.finding.family);
}

bool is_under(const Bound &bound, const Trace &trace, const Site &site)
{
    if (bound.family != 0)
        return site.family == bound.family;
    const auto family = trace.dictionary.families.find(site.family);
    return family != trace.dictionary.families.end() && family->second.space == bound.space;
}

uint64_t live_under(const Bound &bound, const LimitedImage &image)
{
    uint64_t count = 0, bytes = 0, standard = 0;
    for (const SiteTally &tally : image.paired.sites) {
        if (!is_under(bound, image.trace, image.trace.sites.at(tally.site)))
            continue;
        for (const auto *slots : {&tally.live, &tally.parts})
            for (uint32_t index : *slots) {
                const Slot &slot = image.trace.slots[index];
                count++;
                bytes += slot.size;
                standard += slot.handle < standard_descriptors;
            }
    }
    if (bound.bytes)
        return bytes;
    // the kernel's limits are about descriptors, of which some were open before the program began
    const auto &limits = image.paired.records.of_trace->last_limits;
    const bool of_descriptors = std::any_of(limits.begin(), limits.end(), [&](const auto &limit) {
        const auto &[space, name] = limit.first;
        return space == bound.space && (name == select_limit || name.starts_with("RLIMIT_"));
    });
    if (of_descriptors && bound.family == 0)
        count += image.paired.stream_descriptors + image.paired.unknown_descriptors + standard_descriptors -
                 std::min(standard, standard_descriptors);
    return count;
}

/// The last value of a limit, for a program may change it; the image's own, else one that it inherited.
std::vector<Bound> bounds_of_trace(const LimitedImage &image)
{
    const ImageRecords &records = image.paired.records;
    std::map<std::pair<uint16_t, std::string>, const Limit *> last = records.of_trace->last_limits;
    for (const Limit *limit : records.limits)
        last[{limit->space, limit->name}] = limit;
    std::vector<Bound> bounds;
    for (const auto &[key, limit] : last)
        if (limit->value > 0 && limit->value < UINT32_MAX) // the largest of them mean that there is none
            bounds.push_back({limit->value, limit->name, limit->space, 0, false, false, 0});
    // where select's is as low as the kernel's, the kernel's is the one that will be met in any case
    std::stable_sort(bounds.begin(), bounds.end(), [](const Bound &a, const Bound &b) {
        return (a.name != select_limit) > (b.name != select_limit);
    });
    for (Bound &bound : bounds)
        bound.live = live_under(bound, image);
    return bounds;
}

/// As it was given: "--limit socket=512", "--limit heap=256K".
std::string name_of(const GivenLimit &given)
{
    uint64_t value = given.value;
    size_t unit = 0;
    constexpr std::string_view units = "BKMG";
    while (given.bytes && unit + 1 < units.size() && value % 1024 == 0) {
        value /= 1024;
        unit++;
    }
    return fmt::format("--limit {}={}{}", given.family, value, given.bytes ? units.substr(unit, 1) : "");
}

std::vector<Bound> given_bounds(const LimitedImage &image)
{
    std::vector<Bound> bounds;
    for (const GivenLimit &given : image.given) {
        Bound bound{given.value, name_of(given), 0, 0, given.bytes, true, 0};
        for (const auto &[id, space] : image.trace.dictionary.spaces)
            if (space.name == given.family)
                bound.space = id;
        for (const auto &[id, family] : image.trace.dictionary.families)
            if (bound.space == 0 && family.name == given.family) {
                bound.space = family.space;
                bound.family = id;
            }
        if (bound.space == 0)
            continue;
        bound.live = live_under(bound, image);
        bounds.push_back(bound);
    }
    return bounds;
}

/// Converts to a number of acquisitions; returns the greatest uint64_t if a damaged trace's counts are larger.
uint64_t whole_number(double number)
{
    constexpr double end = 18446744073709551616.0; // 2 to the 64th
    if (!(number > 0))
        return 0;
    return number < end ? static_cast<uint64_t>(number) : UINT64_MAX;
}

double amount_of(const Finding &finding, const Bound &bound)
{
    return static_cast<double>(bound.bytes ? finding.bytes : finding.count);
}

/// The finding that has most of those for which `meant` is true.
template <class Meant> Described *holder_of(std::vector<Described> &findings, const Bound &bound, Meant meant)
{
    Described *most = nullptr;
    for (Described &one : findings)
        if (meant(one) && holds_handles(one.finding) && one.finding.count >= 2 &&
            (most == nullptr || amount_of(one.finding, bound) > amount_of(most->finding, bound)))
            most = &one;
    return most;
}

// ---- what failed

/// Handles that were wanted when there were none left.
struct Shortage {
    std::set<uint16_t> spaces;      ///< whose acquisitions need them: a stream has a descriptor inside
    const Anomaly *first = nullptr; ///< the first acquisition that failed
};

/// The space whose handles an acquisition had none of.
uint16_t space_in_want(const Anomaly &anomaly, const Trace &trace)
{
    static constexpr std::array<std::string_view, 4> on_descriptors = {"stream", "dir", "dl", "named_sem"};
    const auto failed = trace.dictionary.spaces.find(anomaly.space);
    if ((anomaly.error != EMFILE && anomaly.error != ENFILE) || failed == trace.dictionary.spaces.end() ||
        std::find(on_descriptors.begin(), on_descriptors.end(), failed->second.name) == on_descriptors.end())
        return anomaly.space;
    for (const auto &[id, space] : trace.dictionary.spaces)
        if (space.name == "fd")
            return id;
    return anomaly.space;
}

/// By the space whose handles ran out.
std::map<uint16_t, Shortage> shortages_of(const LimitedImage &image)
{
    std::map<uint16_t, Shortage> shortages;
    for (const Anomaly *one : image.paired.records.anomalies) {
        const Anomaly &anomaly = *one;
        if (anomaly.kind != UNPAIRED_ANOMALY_LIMIT_REACHED || anomaly.count == 0)
            continue;
        const uint16_t space = space_in_want(anomaly, image.trace);
        Shortage &shortage = shortages[space];
        shortage.spaces.insert({space, anomaly.space});
        if (shortage.first == nullptr || anomaly.first_ms < shortage.first->first_ms)
            shortage.first = &anomaly;
    }
    return shortages;
}

/// The limit that an acquisition met. The system's own (ENFILE) is in no trace; lwIP says ENFILE of its own sockets.
Bound bound_of(uint16_t space, const Shortage &shortage, const std::vector<Bound> &bounds)
{
    const auto known = std::find_if(bounds.begin(), bounds.end(), [&](const Bound &bound) {
        const bool of_process = bound.name.starts_with("RLIMIT_");
        return bound.space == space && !bound.bytes && bound.name != select_limit &&
               !(of_process && shortage.first->error == ENFILE);
    });
    Bound bound = known == bounds.end() ? Bound{} : *known;
    bound.space = space;
    bound.family = 0;
    return bound;
}

double since_start_s(uint32_t time_ms, const ImageFacts &facts)
{
    return time_ms > facts.run.start_ms ? (time_ms - facts.run.start_ms) / 1000.0 : 0;
}

std::vector<Age> by_time(std::vector<Age> ages)
{
    std::sort(ages.begin(), ages.end(), [](const Age &a, const Age &b) {
        return std::tie(a.time_ms, a.cycle) < std::tie(b.time_ms, b.cycle);
    });
    return ages;
}

/// Tells what failed first, and when.
void tell_first_failure(Forecast &forecast, const Shortage &shortage, const std::vector<Described> &findings,
                        const LimitedImage &image)
{
    const uint32_t first_ms = shortage.first->first_ms;
    forecast.failed = function_name(image.trace, shortage.first->function);
    forecast.error = shortage.first->error;
    forecast.after_s = since_start_s(first_ms, image.facts);
    // the survivor that came last before it knows the cycle
    uint32_t latest_ms = 0;
    for (const Described &one : findings)
        for (const Age &age : one.ages)
            if (shortage.spaces.contains(one.space) && age.time_ms <= first_ms && age.time_ms >= latest_ms) {
                latest_ms = age.time_ms;
                forecast.at_cycle = std::max(forecast.at_cycle, age.cycle);
            }
    // a failure that happened in one cycle alone knows it better, where the trace's numbers are the image's
    const auto own = image.trace.images.find(image.paired.image);
    if (forecast.at_cycle > 0 && shortage.first->cycles == 1 && own != image.trace.images.end() &&
        own->second.cycle == 0)
        forecast.at_cycle = std::max(forecast.at_cycle, shortage.first->last_cycle);
}

/// Which call from the holder's place was the first to fail; 0 if another's did, or if it gave some back: then nobody
/// knows how many it had acquired by then.
uint64_t first_to_fail(const Described &holder, const Shortage &shortage)
{
    const Finding &finding = holder.finding;
    if (!holder.sites.contains(shortage.first->acquire_site) || finding.acquired != finding.count ||
        holder.ages.size() != finding.count)
        return 0;
    const auto later = std::count_if(holder.ages.begin(), holder.ages.end(),
                                     [&](const Age &age) { return age.time_ms > shortage.first->first_ms; });
    return finding.acquired - static_cast<uint64_t>(later) + 1;
}

/// Which of the holder's acquisitions was the first to get a handle from the bound on, where nothing that it acquired
/// before is gone; 0 else.
uint64_t first_beyond(const Described &holder, const Bound &bound, const LimitedImage &image)
{
    if (holder.finding.acquired != holder.finding.count)
        return 0;
    std::vector<std::pair<uint32_t, uint64_t>> handles; // by time; a system hands out the lowest first
    for (const SiteTally &tally : image.paired.sites)
        if (holder.sites.contains(tally.site))
            for (uint32_t index : tally.live)
                handles.emplace_back(image.trace.slots[index].time_ms, image.trace.slots[index].handle);
    std::sort(handles.begin(), handles.end());
    const auto first = std::find_if(handles.begin(), handles.end(),
                                    [&](const auto &one) { return one.second >= bound.value; });
    return first == handles.end() ? 0 : static_cast<uint64_t>(first - handles.begin()) + 1;
}

/// Tells when the holder's survivors, in the order they came, met a bound that let everything go on.
void tell_crossing(Forecast &forecast, const Described &holder, const Bound &bound, const ImageFacts &facts)
{
    const double amount = amount_of(holder.finding, bound), others = static_cast<double>(bound.live) - amount;
    const double wanted = std::clamp((static_cast<double>(bound.value) - others) / amount, 0.0, 1.0);
    forecast.at_acquisition = whole_number(std::ceil(wanted * static_cast<double>(holder.finding.acquired)));
    const std::vector<Age> ages = by_time(holder.ages);
    if (ages.empty())
        return;
    const auto index = static_cast<size_t>(std::ceil(wanted * static_cast<double>(ages.size())));
    const Age &age = ages[std::min(std::max<size_t>(index, 1), ages.size()) - 1];
    forecast.at_cycle = age.cycle;
    forecast.after_s = since_start_s(age.time_ms, facts);
}

/// The most that one call site had at a time, in bytes.
uint64_t greatest_peak(const Bound &bound, const LimitedImage &image)
{
    uint64_t peak = 0;
    for (const SiteTally &tally : image.paired.sites)
        if (is_under(bound, image.trace, image.trace.sites.at(tally.site)))
            peak = std::max(peak, tally.peak_bytes);
    return peak;
}

// ---- what is to come

bool grows(const Finding &finding)
{
    return holds_handles(finding) &&
           (finding.growth == Growth::linear || (finding.growth == Growth::step && finding.per_cycle > 0));
}

/// How fast something grows by the clock.
struct Pace {
    double per_ms = 0;    ///< from its first survivor to the run's end; 0 if it stopped, or times do not tell
    uint32_t idle_ms = 0; ///< how long none has been acquired
    bool stopped = false; ///< not in the last third of the run
};

Pace pace_of(const Described &one, const Run &run)
{
    constexpr uint32_t shortest_ms = 100, // slots tell the time in steps of a few milliseconds
        shortest_run_ms = 1000;
    Pace pace;
    if (one.ages.size() < 2)
        return pace;
    const auto [first, last] = std::minmax_element(
        one.ages.begin(), one.ages.end(), [](const Age &a, const Age &b) { return a.time_ms < b.time_ms; });
    const uint32_t end = std::max(run.end_ms, last->time_ms), span = end - first->time_ms;
    pace.idle_ms = end - last->time_ms;
    pace.stopped = run.duration_ms() >= shortest_run_ms && uint64_t{pace.idle_ms} * 3 >= run.duration_ms();
    if (!pace.stopped && span >= shortest_ms)
        pace.per_ms = static_cast<double>(one.ages.size() - 1) / span;
    return pace;
}

/// The rate at which all growing findings under a bound use it up.
struct Use {
    double each_cycle = 0, each_ms = 0;
};

Use use_of(const Bound &bound, const std::vector<Described> &findings, const LimitedImage &image)
{
    Use use;
    for (const Described &one : findings)
        if (grows(one.finding) && is_under(bound, image.trace, one)) {
            const double size = amount_of(one.finding, bound) / static_cast<double>(one.finding.count);
            use.each_cycle += one.finding.per_cycle * size;
            use.each_ms += pace_of(one, image.facts.run).per_ms * size;
        }
    return use;
}

std::optional<Forecast> forecast_of(const Described &one, const Bound &bound, const Use &use,
                                    const LimitedImage &image)
{
    if (bound.live >= bound.value)
        return std::nullopt;
    const double each_cycle = use.each_cycle, each_ms = use.each_ms;
    const Finding &finding = one.finding;
    const double amount = amount_of(finding, bound), size = amount / static_cast<double>(finding.count);
    const double left = static_cast<double>(bound.value - bound.live);
    const double by_cycle = finding.per_cycle * size, by_ms = pace_of(one, image.facts.run).per_ms * size;
    if (amount <= 0 || (by_cycle <= 0 && by_ms <= 0))
        return std::nullopt;

    Forecast forecast{bound.value, bound.name, 0, false};
    const double share = by_cycle > 0 ? by_cycle / each_cycle : by_ms / each_ms;
    forecast.at_acquisition =
        finding.acquired +
        std::min(whole_number(std::ceil(left * share * static_cast<double>(finding.acquired) / amount)),
                 UINT64_MAX - finding.acquired);
    if (each_ms > 0)
        forecast.after_s = image.facts.info.duration_s + left / each_ms / 1000;
    if (by_cycle > 0) {
        const double cycle = image.facts.info.cycles + std::ceil(left / each_cycle);
        if (cycle > UINT32_MAX)
            return std::nullopt;
        forecast.at_cycle = static_cast<uint32_t>(cycle);
    }
    if (forecast.after_s > century_s)
        return std::nullopt; // as good as never
    return forecast;
}

} // namespace

std::vector<Described> explain_limits(std::vector<Described> findings, const LimitedImage &image,
                                      std::vector<std::string> &remarks)
{
    const Trace &trace = image.trace;
    const std::vector<Bound> given = given_bounds(image);
    std::vector<Bound> bounds = bounds_of_trace(image);
    bounds.insert(bounds.end(), given.begin(), given.end());

    const std::map<uint16_t, Shortage> shortages = shortages_of(image);
    std::set<uint16_t> explained; // spaces of "limit-reached" findings
    for (const auto &[space, shortage] : shortages) {
        const Bound bound = bound_of(space, shortage, bounds);
        const auto meant = [&spaces = shortage.spaces](const Described &one) {
            return spaces.contains(one.space);
        };
        Forecast forecast{bound.value, bound.name, 0, true};
        tell_first_failure(forecast, shortage, findings, image);
        if (Described *holder = holder_of(findings, bound, meant)) {
            forecast.at_acquisition = holder->finding.acquired;
            forecast.failed_at = first_to_fail(*holder, shortage);
            holder->finding.forecast = forecast;
            explained.insert(shortage.spaces.begin(), shortage.spaces.end());
        } else {
            for (Described &one : findings)
                if (meant(one) && one.finding.rule == "limit-reached") {
                    forecast.at_acquisition = one.finding.acquired;
                    one.finding.forecast = forecast;
                }
        }
    }
    std::erase_if(findings, [&](const Described &one) {
        return one.finding.rule == "limit-reached" && explained.contains(one.space);
    });

    for (const Bound &bound : bounds) {
        Described *holder =
            holder_of(findings, bound, [&](const Described &one) { return is_under(bound, trace, one); });
        if (bound.given) {
            const uint64_t most =
                bound.bytes ? std::max(bound.live, greatest_peak(bound, image)) : bound.live;
            if (most < bound.value)
                continue;
            if (holder == nullptr) {
                remarks.push_back(fmt::format("{} was reached: {} live at a time", bound.name,
                                              bound.bytes ? bytes_text(most) : grouped(most)));
                continue;
            }
        } else if (bound.name != select_limit || image.facts.ending != Ending::signal ||
                   shortages.contains(bound.space) || holder == nullptr ||
                   holder->highest_handle < bound.value) {
            // A descriptor that does not fit an fd_set is no failure by itself; in a program that died it explains
            // much.
            continue;
        }
        if (holder->finding.forecast)
            continue;
        Forecast forecast{bound.value, bound.name, holder->finding.acquired, true};
        tell_crossing(forecast, *holder, bound, image.facts);
        if (const uint64_t first = bound.given ? 0 : first_beyond(*holder, bound, image))
            forecast.at_acquisition = first;
        holder->finding.forecast = forecast;
    }
    return findings;
}

void forecast_limits(std::vector<Described> &findings, const LimitedImage &image)
{
    const std::vector<Bound> given = given_bounds(image), recorded = bounds_of_trace(image);
    const std::string &source = image.facts.info.cycle_source;
    std::map<const Bound *, Use> uses;
    const auto use = [&](const Bound &bound) {
        const auto [at, added] = uses.try_emplace(&bound);
        if (added)
            at->second = use_of(bound, findings, image);
        return at->second;
    };
    const bool counts_cycles = source == "marks" || source == "function"; // the next one will leave as much
    for (Described &one : findings) {
        if (one.finding.forecast || !grows(one.finding))
            continue;
        const Pace pace = pace_of(one, image.facts.run);
        if (pace.stopped) {
            if (image.facts.info.events_lost == 0) // else they may be among those
                one.finding.remarks.push_back(fmt::format("none of these was acquired in the last {}",
                                                          duration_text(pace.idle_ms / 1000.0)));
            if (!counts_cycles)
                continue; // nobody knows whether it goes on
        }
        // A given limit was asked for. Of the others the lowest is met first: FD_SETSIZE below RLIMIT_NOFILE may do no
        // harm, for the trace does not tell whether the program uses select; where it does, it aborts there.
        for (const std::vector<Bound> *bounds : {&given, &recorded}) {
            for (const Bound &bound : *bounds) {
                if (!is_under(bound, image.trace, one))
                    continue;
                const std::optional<Forecast> forecast = forecast_of(one, bound, use(bound), image);
                if (forecast && (!one.finding.forecast ||
                                 forecast->at_acquisition < one.finding.forecast->at_acquisition))
                    one.finding.forecast = *forecast;
            }
            if (one.finding.forecast)
                break;
        }
    }
}

} // namespace unpaired
