#include "input/reach_reader.h"

#include <algorithm>
#include <cstring>

namespace unpaired {
namespace {

/// The index of the slot with this reference; Held::no_slot if none is live.
uint32_t index_of(const Trace &trace, uint32_t reference)
{
    auto at = std::lower_bound(trace.slots.begin(), trace.slots.end(), reference,
                               [](const Slot &slot, uint32_t wanted) { return slot.reference < wanted; });
    return at != trace.slots.end() && at->reference == reference
               ? static_cast<uint32_t>(at - trace.slots.begin())
               : Held::no_slot;
}

Reachability state_of(const unpaired_reach &raw)
{
    switch (raw.state) {
    case UNPAIRED_REACH_LOST:
        return Reachability::lost;
    case UNPAIRED_REACH_POSSIBLY:
        return Reachability::possibly;
    case UNPAIRED_REACH_REACHABLE:
        return Reachability::reachable;
    default:
        return Reachability::unknown;
    }
}

/// The retired slot that an entry says had the memory which the pointer stands in, if it still tells of that.
void tell_freed(Held &held, const unpaired_reach &raw, const Bytes &input)
{
    unpaired_slot slot;
    if (input.copy(uint64_t{raw.by} * sizeof slot, &slot, sizeof slot) < sizeof slot ||
        (slot.sequence & 1) != 0 || raw.at < slot.handle || raw.at - slot.handle >= slot.size)
        return;
    held.freed_site = slot.release_site;
    held.freed_size = slot.size;
}

} // namespace

void ReachReader::add(std::span<const uint32_t> content, uint32_t used, uint16_t image, Trace &trace)
{
    constexpr size_t look_words = sizeof(unpaired_reach_look) / 4, entry_words = sizeof(unpaired_reach) / 4;
    if (content.size() < look_words)
        return;
    unpaired_reach_look header;
    std::memcpy(&header, content.data(), sizeof header);
    MemoryLook &look = trace.looks[image];
    if (header.time_ms >= look.time_ms)
        look = {header.time_ms, header.cycle};
    const size_t count = std::min<size_t>(used, (content.size() - look_words) / entry_words);
    for (size_t i = 0; i < count; i++) {
        Entry entry;
        std::memcpy(&entry.raw, &content[look_words + i * entry_words], sizeof entry.raw);
        entry.time_ms = header.time_ms;
        auto [at, added] = entries_.try_emplace(entry.raw.slot, entry);
        if (!added && entry.time_ms >= at->second.time_ms)
            at->second = entry;
    }
}

void ReachReader::settle(Trace &trace, const Bytes &input) const
{
    if (entries_.empty())
        return;
    trace.held.assign(trace.slots.size(), {});
    for (size_t i = 0; i < trace.slots.size(); i++) {
        const Slot &slot = trace.slots[i];
        auto at = entries_.find(slot.reference);
        if (at == entries_.end() || at->second.raw.sequence != slot.sequence)
            continue;
        const unpaired_reach &raw = at->second.raw;
        Held &held = trace.held[i];
        held.state = state_of(raw);
        held.indirect = held.state == Reachability::lost && (raw.flags & UNPAIRED_REACH_INDIRECT) != 0;
        held.interior = (raw.flags & UNPAIRED_REACH_INTERIOR) != 0;
        held.holder = raw.holder;
        held.at = raw.at;
        if (raw.holder == UNPAIRED_HOLDER_BLOCK)
            held.by_slot = raw.by != 0 ? index_of(trace, raw.by) : Held::no_slot;
        else if (raw.holder == UNPAIRED_HOLDER_FREED)
            tell_freed(held, raw, input);
        else
            held.tid = raw.by;
    }
    for (BlockBeginning &beginning : trace.beginnings) {
        const uint32_t index = index_of(trace, beginning.slot);
        if (index != Held::no_slot && trace.slots[index].sequence == beginning.sequence)
            trace.held[index].beginning = beginning.bytes;
    }
}

} // namespace unpaired
