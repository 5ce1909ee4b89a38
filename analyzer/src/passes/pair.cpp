#include "passes/pair.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
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
    /// Returns the last table of an image, or nothing.
    static std::optional<DescriptorTable> last(const ImageRecords &records)
    {
        std::optional<DescriptorTable> table;
        for (const Descriptors *part : records.descriptors)
            if (!table || part->time_ms > table->time_ms_)
                table = DescriptorTable(part->time_ms);
        if (!table)
            return table;
        // Two looks may fall within one tick of the clock: the one written later counts.
        std::map<uint32_t, const Descriptors *> latest;
        for (const Descriptors *part : records.descriptors)
            if (part->time_ms == table->time_ms_)
                latest[part->first] = part;
        for (const auto &[first, part] : latest)
            table->parts_.push_back(part);
        for (const End *end : records.ends)
            if (end->kind == UNPAIRED_END_EXIT && end->time_ms <= table->time_ms_ + clock_step_ms)
                table->at_exit_ = true;
        return table;
    }

    /// Whether what was acquired at `time_ms` must show in it. At exit nothing is acquired after the look; of
    /// a look in between, the clock is too coarse to tell.
    bool covers(uint32_t time_ms) const { return time_ms < time_ms_ || (at_exit_ && time_ms == time_ms_); }

    /// Whether the descriptor was open; nothing where the table does not reach.
    std::optional<bool> open(uint64_t descriptor) const
    {
        // only damage makes parts overlap; the first one counts then
        const auto behind =
            std::upper_bound(parts_.begin(), parts_.end(), descriptor,
                             [](uint64_t wanted, const Descriptors *part) { return wanted < part->first; });
        constexpr ptrdiff_t most_overlapping = 8;
        for (auto at = behind - std::min(behind - parts_.begin(), most_overlapping); at != behind; ++at)
            if (const Descriptors *part = *at; descriptor - part->first < part->words.size() * 64) {
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

/// Returns the name that all marks have, or "" if they differ.
std::string common_name(const std::vector<Mark> &marks)
{
    for (const Mark &mark : marks)
        if (mark.name != marks.front().name)
            return "";
    return marks.empty() ? "" : marks.front().name;
}

std::map<uint16_t, ImageRecords> records_by_image(const Trace &trace)
{
    std::map<uint16_t, ImageRecords> images;
    auto of_trace = std::make_shared<TraceRecords>();
    for (const Limit &limit : trace.limits) {
        of_trace->last_limits[{limit.space, limit.name}] = &limit;
        images[limit.image].limits.push_back(&limit);
    }
    for (const Anomaly &anomaly : trace.anomalies)
        images[anomaly.image].anomalies.push_back(&anomaly);
    for (const End &end : trace.ends)
        images[end.image].ends.push_back(&end);
    for (const Exec &exec : trace.execs)
        images[exec.image].execs.push_back(&exec);
    for (const Descriptors &part : trace.descriptors)
        images[part.image].descriptors.push_back(&part);
    for (const Slot &slot : trace.slots) {
        ImageRecords &records = images[slot.image];
        records.last_slot_ms = std::max(records.last_slot_ms, slot.time_ms);
        records.last_slot_cycle = std::max(records.last_slot_cycle, slot.cycle);
    }
    of_trace->mark_name = common_name(trace.marks);
    for (const Mark &mark : trace.marks) {
        ImageRecords &records = images[mark.image];
        records.last_mark_ms = std::max(records.last_mark_ms, mark.time_ms);
    }
    std::vector<const Note *> of_all;
    for (const Note &note : trace.notes)
        (note.image == 0 ? of_all : images[note.image].notes).push_back(&note);
    for (const auto &[id, image] : trace.images)
        images.try_emplace(id);
    for (auto &[id, records] : images) {
        records.of_trace = of_trace;
        std::vector<const Note *> notes;
        std::merge(records.notes.begin(), records.notes.end(), of_all.begin(), of_all.end(),
                   std::back_inserter(notes)); // addresses follow the order of the trace
        records.notes = std::move(notes);
    }
    return images;
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
    std::map<uint16_t, ImageRecords> records = records_by_image(trace);
    std::map<uint16_t, Building> images;
    for (const auto &[id, image] : trace.images) {
        Building &building = images[id];
        building.result.image = id;
        building.table = DescriptorTable::last(records[id]);
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
        image.records = std::move(records[id]);
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
