// What the records of a run add up to.
#include "input/stream_run_internal.h"
#include "unpaired/ram_image.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace unpaired {

void StreamRun::confirm_stacks(const StackConfirmer &confirmer)
{
    std::set<uint32_t> live_sites;
    for (const auto &[handle, slots] : live_)
        for (const Slot &slot : slots)
            live_sites.insert(slot.site);
    // How many words the device keeps is not told; where several sites have the same most, that is it.
    const auto longest = std::count_if(words_.begin(), words_.end(),
                                       [&](const auto &site) { return site.second.size() == most_words_; });
    for (auto &[id, words] : words_) {
        ConfirmedStack stack = confirmer.confirm(words, longest > 1 && words.size() == most_words_);
        trace_.sites[id].stack = std::move(stack.frames);
        if (!live_sites.contains(id))
            continue;
        cut_stacks_ += !stack.complete && words.size() > 1 ? 1 : 0;
        uncertain_stacks_ += stack.uncertain ? 1 : 0;
    }
    words_.clear();
    known_sites_.clear();
}

void StreamRun::take_slots()
{
    for (const auto &[handle, slots] : live_)
        trace_.slots.insert(trace_.slots.end(), slots.begin(), slots.end());
    std::sort(trace_.slots.begin(), trace_.slots.end(),
              [](const Slot &a, const Slot &b) { return a.reference < b.reference; });
    for (const auto &[site, sums] : counters_)
        trace_.counters.push_back(sums);
    std::sort(trace_.counters.begin(), trace_.counters.end(),
              [](const Counter &a, const Counter &b) { return a.site < b.site; });
}

/// What came before the first word of a clock happened at that time, as far as we know.
void StreamRun::correct_times()
{
    const uint32_t first = first_clock_ms_.value_or(0);
    Image &image = trace_.images.begin()->second;
    image.time_ms = first;
    image.last_ms = std::max(first, time_ms_);
    for (Slot &slot : trace_.slots)
        slot.time_ms = std::max(slot.time_ms, first);
    for (Anomaly &anomaly : trace_.anomalies)
        anomaly.first_ms = std::max(anomaly.first_ms, first);
    for (Mark &mark : trace_.marks)
        mark.time_ms = std::max(mark.time_ms, first);
    trace_.cycles = cycle_;
}

void StreamRun::tell_losses()
{
    auto tell = [&](uint64_t count, std::string_view what) {
        if (count > 0)
            trace_.damage.push_back(fmt::format("{} {}", count, what));
    };
    if (!beginning_seen_)
        trace_.damage.emplace_back("the capture does not begin with the device's start: what was acquired "
                                   "before it is not in this report");
    if (trace_.events_lost > 0) {
        // the ring counts what it has no room for, too
        const uint64_t in_ring =
            std::min<uint64_t>(device_drops_[UNPAIRED_RAM_DROP_EVENT], trace_.events_lost);
        trace_.damage.push_back(fmt::format(
            "{} events were lost{}: what was released in them still counts as held", trace_.events_lost,
            in_ring > 0
                ? fmt::format(", {} for want of room in the device's ring (raise UNPAIRED_RING, or poll "
                              "more often)",
                              in_ring)
                : std::string(" on the way")));
    }
    tell(device_drops_[UNPAIRED_RAM_DROP_SITE],
         "acquisitions found no room in the table of call sites: their stacks are the caller alone (raise "
         "UNPAIRED_SITES)");
    tell(device_drops_[UNPAIRED_RAM_DROP_HANDLE],
         "handles found no room in the device's table (raise UNPAIRED_HANDLES)");
    const auto stacks = [](uint64_t count) {
        return count == 1 ? std::string("1 stack is") : fmt::format("{} stacks are", count);
    };
    if (cut_stacks_ > 0)
        trace_.damage.push_back(
            fmt::format("{} cut before the first function (raise UNPAIRED_FRAMES)", stacks(cut_stacks_)));
    if (uncertain_stacks_ > 0)
        trace_.damage.push_back(fmt::format(
            "{} likely, not proved, where a function without frame rules was called through a pointer",
            stacks(uncertain_stacks_)));
    tell_untold_sites();
}

/// Sites are told in turn: a short capture may end before all were.
void StreamRun::tell_untold_sites()
{
    std::set<uint32_t> untold;
    for (const auto &[key, told] : told_)
        if (!told.known)
            untold.insert(told.id);
    uint64_t acquired = 0, held = 0, bytes = 0;
    for (uint32_t site : untold)
        acquired += counter(site).acquired;
    for (const auto &[handle, slots] : live_)
        for (const Slot &slot : slots)
            if (untold.contains(slot.site)) {
                held++;
                bytes += slot.size;
            }
    if (acquired > 0)
        trace_.damage.push_back(fmt::format(
            "{} acquisitions, of which {} ({} B) are still held, are of call sites that the capture does "
            "not tell: capture for longer, the device tells them in turn",
            acquired, held, bytes));
}

Trace StreamRun::finish(const StackConfirmer &confirmer)
{
    confirm_stacks(confirmer);
    tell_losses();
    take_slots();
    correct_times();
    return std::move(trace_);
}

} // namespace unpaired
