#include "passes/tally.h"

#include "passes/group.h"
#include "passes/names.h"
#include "passes/present.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace unpaired {
namespace {

constexpr double minute_s = 60;

std::string program_of(const Trace &trace, uint16_t image)
{
    auto at = trace.images.find(image);
    return at == trace.images.end() ? std::string() : at->second.program;
}

TallyPlace place_of(const Trace &trace, const Site &site, Stacks &stacks, const Wrappers &wrappers,
                    const std::vector<OwnerRule> &rules)
{
    TallyPlace place;
    place.family = family_name(trace, site.family);
    place.function = function_name(trace, site.function);
    place.stack = stacks.of(site);
    place.owner = owner_of(site, place.stack, rules);
    const Blame blame = choose_blame(place.function, place.stack, wrappers, program_of(trace, site.image),
                                     of_firmware(trace));
    place.blame = blame.frame;
    place.key = acquisition_key(place.family, place.function, place.owner, place.stack, blame.index);
    return place;
}

} // namespace

void TallyNames::learn(const Trace &trace, const std::vector<PairedImage> &images,
                       const std::vector<OwnerRule> &rules, Symbolize &symbolize)
{
    std::vector<uint32_t> live;
    bool all_named = true;
    for (const PairedImage &image : images)
        for (const SiteTally &tally : image.sites)
            if (!tally.live.empty()) {
                live.push_back(tally.site);
                all_named = all_named && places_.contains(tally.site);
            }
    if (all_named)
        return;
    Stacks stacks(trace, symbolize);
    const Wrappers wrappers = learn_wrappers(trace, images, stacks);
    for (auto &[site, place] : places_)
        live.push_back(site);
    for (uint32_t site : live)
        if (auto at = trace.sites.find(site); at != trace.sites.end())
            places_[site] =
                std::make_shared<TallyPlace>(place_of(trace, at->second, stacks, wrappers, rules));
}

std::shared_ptr<const TallyPlace> TallyNames::of(uint32_t site) const
{
    auto at = places_.find(site);
    return at == places_.end() ? nullptr : at->second;
}

void add_to(Tally &tally, const Trace &trace, const std::vector<PairedImage> &images, const TallyNames &names,
            const std::vector<uint32_t> &pids)
{
    for (const PairedImage &image : images) {
        auto found = trace.images.find(image.image);
        const uint32_t pid = found == trace.images.end() ? 0 : found->second.pid;
        if (!pids.empty() && std::find(pids.begin(), pids.end(), pid) == pids.end())
            continue;
        for (const SiteTally &site : image.sites) {
            const std::shared_ptr<const TallyPlace> place = names.of(site.site);
            if (!place || (site.live.empty() && !site.parts.empty()))
                continue;
            TallyCount &count = tally.counts[place->key];
            count.place = place;
            count.live += site.live.size();
            count.acquired += site.acquired - std::min<uint64_t>(site.acquired, site.parts.size());
            for (uint32_t slot : site.live)
                count.bytes += trace.slots[slot].size;
        }
    }
}

void TallyHistory::note(Kept &kept, const TallyCount &count, double time_s)
{
    kept.now.live = count.live;
    kept.now.bytes = count.bytes;
    kept.now.acquired = std::max(kept.now.acquired, count.acquired);
    kept.minute.push_back({time_s, count.live});
    while (kept.minute.size() > 2 && kept.minute[1].time_s <= time_s - minute_s)
        kept.minute.pop_front();
}

bool TallyHistory::gone(const Kept &kept)
{
    const std::deque<Sample> &minute = kept.minute;
    return !minute.empty() && minute.back().time_s - minute.front().time_s >= minute_s &&
           std::all_of(minute.begin(), minute.end(), [](const Sample &sample) { return sample.live == 0; });
}

void TallyHistory::add(const Tally &tally)
{
    if (looks_ == 0) {
        first_s_ = tally.time_s;
        first_cycle_ = tally.cycle;
    }
    for (const auto &[key, count] : tally.counts) {
        auto [at, added] = kept_.try_emplace(key);
        Kept &kept = at->second;
        kept.now.place = count.place; // its blame may have moved outwards, when a wrapper was found
        if (added && looks_ == 0) {
            kept.live_at_start = count.live;
            kept.bytes_at_start = count.bytes;
        } else if (added) {
            kept.minute.push_back({last_s_, 0});
        }
    }
    static const TallyCount nothing;
    const bool is_point = looks_ % stride_ == 0;
    for (auto &[key, kept] : kept_) {
        auto at = tally.counts.find(key);
        note(kept, at == tally.counts.end() ? nothing : at->second, tally.time_s);
        if (is_point) {
            std::vector<uint64_t> &trend = trends_[key];
            trend.resize(points_); // what was not there yet was 0
            trend.push_back(kept.now.live);
        }
    }
    points_ += is_point;
    if (points_ == trend_points) {
        // full: every second point goes, and from now on every second look is one
        for (auto &[key, trend] : trends_) {
            for (size_t i = 0; 2 * i < trend.size(); i++)
                trend[i] = trend[2 * i];
            trend.resize(trend_points / 2);
        }
        points_ = trend_points / 2;
        stride_ *= 2;
    }
    looks_++;
    last_s_ = tally.time_s;
    last_cycle_ = tally.cycle;
}

std::vector<LiveRow> TallyHistory::rows() const
{
    std::vector<LiveRow> rows;
    for (const auto &[key, kept] : kept_) {
        if (gone(kept))
            continue;
        LiveRow row;
        row.place = kept.now.place;
        row.live = kept.now.live;
        row.bytes = kept.now.bytes;
        row.acquired = kept.now.acquired;
        row.since_start = static_cast<int64_t>(row.live - kept.live_at_start);
        row.bytes_since_start = static_cast<int64_t>(row.bytes - kept.bytes_at_start);
        if (!kept.minute.empty())
            row.last_minute = static_cast<int64_t>(row.live - kept.minute.front().live);
        if (followed_s() > 0)
            row.per_minute = static_cast<double>(row.since_start) * minute_s / followed_s();
        if (cycles() > 0)
            row.per_cycle = static_cast<double>(row.since_start) / cycles();
        if (auto trend = trends_.find(key); trend != trends_.end()) {
            row.trend = trend->second;
            // the last point may lie a few looks back
            if (row.trend.empty() || row.trend.back() != row.live)
                row.trend.push_back(row.live);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

void sort_rows(std::vector<LiveRow> &rows, RowOrder order)
{
    auto before = [order](const LiveRow &a, const LiveRow &b) {
        const auto by_rate = [](const LiveRow &row) {
            return std::pair(row.since_start, row.bytes_since_start);
        };
        if (order == RowOrder::owner && a.place->owner != b.place->owner)
            return a.place->owner < b.place->owner;
        if (order == RowOrder::bytes && a.bytes != b.bytes)
            return a.bytes > b.bytes;
        if (order == RowOrder::count && a.live != b.live)
            return a.live > b.live;
        if (by_rate(a) != by_rate(b))
            return by_rate(a) > by_rate(b);
        return std::tie(b.bytes, b.live, a.place->key) < std::tie(a.bytes, a.live, b.place->key);
    };
    std::sort(rows.begin(), rows.end(), before);
}

} // namespace unpaired
