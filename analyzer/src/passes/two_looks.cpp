#include "passes/two_looks.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace unpaired {
namespace {

constexpr size_t registers_kept = 6; // that a call preserves: rbx, rbp, r12 to r15
constexpr size_t preview_bytes = 32;
constexpr unsigned previews_of_a_site = 3;

unpaired_reach entry_of(const Remains &remains, const BlockReach &reached, const Slot &slot)
{
    unpaired_reach entry{};
    entry.slot = slot.reference;
    entry.sequence = slot.sequence;
    entry.state = reached.state == Reachability::lost       ? UNPAIRED_REACH_LOST
                  : reached.state == Reachability::possibly ? UNPAIRED_REACH_POSSIBLY
                                                            : UNPAIRED_REACH_REACHABLE;
    entry.flags = static_cast<uint16_t>((reached.holder.interior ? UNPAIRED_REACH_INTERIOR : 0) |
                                        (reached.indirect ? UNPAIRED_REACH_INDIRECT : 0));
    entry.at = reached.holder.address;
    switch (reached.holder.kind) {
    case Holder::Kind::none:
        break;
    case Holder::Kind::root: {
        const Root &root = remains.roots[reached.holder.index];
        entry.holder = root.kind == RootKind::stack   ? UNPAIRED_HOLDER_STACK
                       : root.kind == RootKind::stale ? UNPAIRED_HOLDER_STALE
                                                      : UNPAIRED_HOLDER_DATA;
        entry.by = root.tid;
        break;
    }
    case Holder::Kind::in_register:
        entry.holder = UNPAIRED_HOLDER_REGISTER;
        entry.by = remains.registers[reached.holder.index].tid;
        break;
    case Holder::Kind::block: {
        entry.holder = UNPAIRED_HOLDER_BLOCK;
        const uint32_t slot_of_holder = remains.blocks[reached.holder.index].slot;
        entry.by = slot_of_holder == LiveBlock::no_slot ? 0 : remains.trace.slots[slot_of_holder].reference;
        break;
    }
    }
    return entry;
}

const Slot *slot_of(const Trace &trace, uint32_t reference)
{
    auto at = std::lower_bound(trace.slots.begin(), trace.slots.end(), reference,
                               [](const Slot &slot, uint32_t wanted) { return slot.reference < wanted; });
    return at != trace.slots.end() && at->reference == reference ? &*at : nullptr;
}

bool is_head_of_lost(const SlotReach &one)
{
    return one.entry.state == UNPAIRED_REACH_LOST && (one.entry.flags & UNPAIRED_REACH_INDIRECT) == 0;
}

} // namespace

std::vector<SlotReach> reach_of_slots(const Remains &remains)
{
    const std::vector<BlockReach> reached = reach(remains);
    std::vector<SlotReach> result;
    std::map<uint32_t, unsigned> previews; // by site
    for (size_t i = 0; i < reached.size(); i++) {
        const LiveBlock &block = remains.blocks[i];
        if (block.slot == LiveBlock::no_slot)
            continue;
        const Slot &slot = remains.trace.slots[block.slot];
        SlotReach one{slot.reference, slot.sequence, slot.size, entry_of(remains, reached[i], slot), {}};
        if (reached[i].state != Reachability::reachable && previews[slot.site]++ < previews_of_a_site) {
            one.beginning.resize(static_cast<size_t>(std::min<uint64_t>(block.size, preview_bytes)));
            one.beginning.resize(
                remains.memory.copy(block.address, one.beginning.data(), one.beginning.size()));
        }
        result.push_back(std::move(one));
    }
    std::sort(result.begin(), result.end(),
              [](const SlotReach &a, const SlotReach &b) { return a.reference < b.reference; });
    return result;
}

std::vector<SlotReach> settle(const std::vector<SlotReach> &first, std::vector<SlotReach> second,
                              const Trace &trace, size_t threads)
{
    std::map<uint32_t, size_t> lost_of_site;
    for (const SlotReach &one : second)
        if (const Slot *slot = slot_of(trace, one.reference); slot != nullptr && is_head_of_lost(one))
            lost_of_site[slot->site]++;
    const auto lost_before = [&first](const SlotReach &one) {
        auto at = std::lower_bound(
            first.begin(), first.end(), one.reference,
            [](const SlotReach &other, uint32_t reference) { return other.reference < reference; });
        return at != first.end() && at->reference == one.reference && at->sequence == one.sequence &&
               at->entry.state == UNPAIRED_REACH_LOST;
    };
    const auto doubtful = [&](const SlotReach &one) {
        if (!is_head_of_lost(one))
            return false;
        const Slot *slot = slot_of(trace, one.reference);
        return !lost_before(one) || slot == nullptr ||
               (slot->cycle >= trace.cycles && lost_of_site[slot->site] <= registers_kept * threads);
    };
    std::map<uint32_t, SlotReach *> by_reference;
    for (SlotReach &one : second)
        by_reference[one.reference] = &one;
    std::vector<SlotReach *> heads;
    for (SlotReach &one : second)
        if (doubtful(one))
            heads.push_back(&one);
    for (SlotReach *head : heads)
        head->entry.state = UNPAIRED_REACH_POSSIBLY;
    // what is lost with a doubtful head is as doubtful
    for (SlotReach &one : second) {
        const SlotReach *at = &one;
        for (int depth = 0; depth < 1000 && at->entry.state == UNPAIRED_REACH_LOST &&
                            (at->entry.flags & UNPAIRED_REACH_INDIRECT) != 0;
             depth++) {
            auto holder = by_reference.find(at->entry.by);
            if (holder == by_reference.end())
                break;
            at = holder->second;
        }
        if (at != &one && at->entry.state == UNPAIRED_REACH_POSSIBLY) {
            one.entry.state = UNPAIRED_REACH_POSSIBLY;
            one.entry.flags &= static_cast<uint16_t>(~UNPAIRED_REACH_INDIRECT);
        }
    }
    return second;
}

} // namespace unpaired
