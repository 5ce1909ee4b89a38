#include "passes/pair.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

namespace unpaired {
namespace {

// A recorder's clock (CLOCK_MONOTONIC_COARSE) stands still for up to this long.
constexpr uint32_t clock_step_ms = 10;

/// What the kernel had open in an image at one moment.
class DescriptorTable {
public:
    /// The last table of `image`; nothing if there is none.
    static std::optional<DescriptorTable> last(const Trace &trace, uint16_t image)
    {
        std::optional<DescriptorTable> table;
        for (const Descriptors &part : trace.descriptors)
            if (part.image == image && (!table || part.time_ms > table->time_ms_))
                table = DescriptorTable(part.time_ms);
        if (!table)
            return table;
        // Two looks may fall within one tick of the clock: the one written later counts.
        std::map<uint32_t, const Descriptors *> latest;
        for (const Descriptors &part : trace.descriptors)
            if (part.image == image && part.time_ms == table->time_ms_)
                latest[part.first] = &part;
        for (const auto &[first, part] : latest)
            table->parts_.push_back(part);
        for (const End &end : trace.ends)
            if (end.image == image && end.kind == UNPAIRED_END_EXIT &&
                end.time_ms <= table->time_ms_ + clock_step_ms)
                table->at_exit_ = true;
        return table;
    }

    /// Whether what was acquired at `time_ms` must show in it. At exit nothing is acquired after the look; of
    /// a look in between, the clock is too coarse to tell.
    bool covers(uint32_t time_ms) const { return time_ms < time_ms_ || (at_exit_ && time_ms == time_ms_); }

    /// Whether the descriptor was open; nothing where the table does not reach.
    std::optional<bool> open(uint64_t descriptor) const
    {
        for (const Descriptors *part : parts_)
            if (descriptor >= part->first && descriptor - part->first < part->words.size() * 64) {
                uint64_t bit = descriptor - part->first;
                return (part->words[bit / 64] >> (bit % 64) & 1) != 0;
            }
        return std::nullopt;
    }

    template <class Visit> void each_open(Visit visit) const
    {
        for (const Descriptors *part : parts_)
            for (size_t bit = 0; bit < part->words.size() * 64; bit++)
                if ((part->words[bit / 64] >> (bit % 64) & 1) != 0)
                    visit(uint64_t{part->first} + bit);
    }

private:
    explicit DescriptorTable(uint32_t time_ms) : time_ms_(time_ms) {}
    uint32_t time_ms_;
    bool at_exit_ = false;
    std::vector<const Descriptors *> parts_;
};

const Slot *live_parent(const Trace &trace, const Slot &slot)
{
    if (slot.parent == 0)
        return nullptr;
    auto at = std::lower_bound(trace.slots.begin(), trace.slots.end(), slot.parent,
                               [](const Slot &s, uint32_t reference) { return s.reference < reference; });
    bool meant = at != trace.slots.end() && at->reference == slot.parent &&
                 at->sequence == slot.parent_sequence && at->image == slot.image;
    return meant ? &*at : nullptr;
}

/// The outermost live resource that `slot` is a part of, or nullptr.
const Slot *whole_of(const Trace &trace, const Slot &slot)
{
    const Slot *whole = nullptr, *at = &slot;
    // a damaged file may hold a ring of parents
    for (int depth = 0; depth < 16; depth++) {
        const Slot *parent = live_parent(trace, *at);
        if (parent == nullptr || parent == &slot)
            break;
        whole = at = parent;
    }
    return whole;
}

bool is_descriptor(const Trace &trace, const Slot &slot)
{
    auto space = trace.dictionary.spaces.find(slot.space);
    return space != trace.dictionary.spaces.end() && space->second.name == "fd";
}

} // namespace

std::vector<PairedImage> pair(const Trace &trace)
{
    struct Building {
        PairedImage result;
        std::unordered_map<uint32_t, size_t> index; // site → result.sites
        std::optional<DescriptorTable> table;
        std::set<uint64_t> live_descriptors;
        SiteTally &tally(uint32_t site)
        {
            auto [at, added] = index.try_emplace(site, result.sites.size());
            if (added)
                result.sites.emplace_back().site = site;
            return result.sites[at->second];
        }
    };
    std::map<uint16_t, Building> images;
    for (const auto &[id, image] : trace.images) {
        Building &building = images[id];
        building.result.image = id;
        building.table = DescriptorTable::last(trace, id);
    }
    auto of = [&](uint16_t image) -> Building & {
        Building &building = images[image];
        building.result.image = image;
        return building;
    };

    for (const Counter &counter : trace.counters) {
        if (!trace.sites.contains(counter.site))
            continue;
        SiteTally &tally = of(counter.image).tally(counter.site);
        tally.acquired = counter.acquired;
        tally.bytes = counter.bytes;
        tally.failed = counter.failed;
        tally.released_unseen = counter.released_unseen;
        tally.peak_bytes = counter.peak_bytes;
        tally.released = counter.released.value_or(0);
    }
    for (const Anomaly &anomaly : trace.anomalies)
        if ((anomaly.kind == UNPAIRED_ANOMALY_STORAGE_FREED_LIVE ||
             anomaly.kind == UNPAIRED_ANOMALY_REINITIALISED_LIVE) &&
            trace.sites.contains(anomaly.acquire_site))
            of(anomaly.image).tally(anomaly.acquire_site).lost += anomaly.count;

    for (uint32_t i = 0; i < trace.slots.size(); i++) {
        const Slot &slot = trace.slots[i];
        Building &building = of(slot.image);
        SiteTally &tally = building.tally(slot.site);
        const Slot *whole = whole_of(trace, slot);
        if (slot.descriptor && building.live_descriptors.insert(*slot.descriptor).second)
            building.result.stream_descriptors++;
        if (is_descriptor(trace, slot)) {
            building.live_descriptors.insert(slot.handle);
            bool seen_closed = building.table && building.table->covers(slot.time_ms) &&
                               building.table->open(slot.handle) == false;
            // what was moved into a stream goes with the stream, closed inside the C library
            bool gone_with_whole =
                (slot.flags & UNPAIRED_SLOT_MOVED) != 0 && slot.parent != 0 && whole == nullptr;
            if (seen_closed || gone_with_whole) {
                tally.released_unseen++;
                continue;
            }
        }
        if (whole != nullptr) {
            tally.parts.push_back(i);
            building.result.parts.push_back({i, static_cast<uint32_t>(whole - trace.slots.data())});
        } else {
            tally.live.push_back(i);
        }
    }

    std::vector<PairedImage> result;
    for (auto &[id, building] : images) {
        PairedImage &image = building.result;
        for (SiteTally &tally : image.sites) {
            uint64_t unpaired = tally.live.size() + tally.parts.size() + tally.lost + tally.released_unseen;
            // a kill between the slot's store and the counter's leaves the counter one low
            tally.acquired = std::max(tally.acquired, unpaired + tally.released);
            tally.released = tally.acquired - unpaired;
        }
        std::sort(image.sites.begin(), image.sites.end(),
                  [](const SiteTally &a, const SiteTally &b) { return a.site < b.site; });
        image.sites.shrink_to_fit();
        std::sort(image.parts.begin(), image.parts.end(), [](const PartOf &a, const PartOf &b) {
            return std::pair(a.whole, a.part) < std::pair(b.whole, b.part);
        });
        if (building.table)
            building.table->each_open([&image, &live = building.live_descriptors](uint64_t descriptor) {
                if (descriptor > 2 && !live.contains(descriptor))
                    image.unknown_descriptors++;
            });
        result.push_back(std::move(image));
    }
    return result;
}

} // namespace unpaired
