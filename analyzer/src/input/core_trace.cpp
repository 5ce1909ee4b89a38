#include "input/core_trace.h"

#include <algorithm>
#include <elf.h>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace unpaired {
namespace {

constexpr uint16_t made_up_image = 1;

/// How it ended is for the core to tell: a process that was dumped alive may have gone on.
void tell_end(Trace &trace, uint16_t image, const CoreFile &core)
{
    std::erase_if(trace.ends, [image](const End &end) { return end.image == image; });
    std::erase_if(trace.child_ends, [&core](const ChildEnd &end) { return end.pid == core.pid; });
    if (core.signal == 0) {
        trace.running_pids = {core.pid};
        return;
    }
    End end;
    end.image = image;
    end.kind = UNPAIRED_END_SIGNAL;
    end.status = core.signal;
    // the trace's clock stood still when the process died
    for (const Slot &slot : trace.slots)
        if (slot.image == image)
            end.time_ms = std::max(end.time_ms, slot.time_ms);
    trace.ends.push_back(std::move(end));
}

template <class Item> void keep_image(std::vector<Item> &items, uint16_t image)
{
    std::erase_if(items, [image](const Item &item) { return item.image != image; });
}

bool is_of(std::string_view name, const Trace &trace, const Slot &slot)
{
    auto space = trace.dictionary.spaces.find(slot.space);
    return space != trace.dictionary.spaces.end() && space->second.name == name;
}

/// A mapping is a block whose pieces the program hands out, unless a thread runs on it: then it is a stack.
std::optional<LiveBlock> block_of_mapping(const Slot &slot, const CoreFile &core, uint32_t index)
{
    for (const CoreThread &thread : core.threads)
        if (thread.stack_pointer >= slot.handle && thread.stack_pointer - slot.handle < slot.size)
            return std::nullopt;
    return LiveBlock{slot.handle, slot.size, index, true, (slot.flags & UNPAIRED_SLOT_RESERVED) != 0};
}

/// Of two blocks that share memory the first stays: releases that went unseen leave such.
void drop_overlaps(std::vector<LiveBlock> &blocks)
{
    std::sort(blocks.begin(), blocks.end(),
              [](const LiveBlock &a, const LiveBlock &b) { return a.address < b.address; });
    uint64_t end = 0;
    std::erase_if(blocks, [&end](const LiveBlock &block) {
        if (block.address < end)
            return true;
        end = block.address + std::max<uint64_t>(block.size, 1);
        return false;
    });
}

/// What has no slot (inherited from the parent, or not recorded) still holds others.
void add_other_blocks(Remains &remains, const HeapTags &tags)
{
    std::vector<LiveBlock> all;
    auto known = remains.blocks.begin();
    for (const TaggedBlock &tag : tags.live) {
        while (known != remains.blocks.end() && known->address <= tag.address)
            all.push_back(*known++);
        const bool covered =
            (!all.empty() && tag.address < all.back().address + std::max<uint64_t>(all.back().size, 1)) ||
            (known != remains.blocks.end() && known->address < tag.address + tag.size);
        if (!covered)
            all.push_back({tag.address, tag.size, LiveBlock::no_slot});
    }
    all.insert(all.end(), known, remains.blocks.end());
    remains.blocks = std::move(all);
}

} // namespace

void trace_from_tags(Remains &remains, const CoreFile &core, const std::vector<CoreModule> &modules,
                     const HeapTags &tags, const std::string &program)
{
    Trace &trace = remains.trace;
    trace.path = core.path;
    trace.source = source_core;
    trace.machine = EM_X86_64;
    trace.dictionary.spaces[1] = {"heap", UNPAIRED_KIND_NUMBERED};
    trace.dictionary.families[1] = {"heap", "heap block", 1};
    Image &image = trace.images[made_up_image];
    image.id = made_up_image;
    image.recorded = true;
    image.pid = core.pid;
    image.parent_pid = core.parent_pid;
    image.program = program;
    image.command = {core.command};
    for (const CoreModule &known : modules) {
        Module module;
        module.image = made_up_image;
        module.path = known.path;
        module.build_id = known.build_id;
        module.start = known.start;
        module.end = known.end;
        module.bias = known.bias;
        trace.modules.push_back(std::move(module));
    }
    std::map<std::pair<uint64_t, uint32_t>, uint32_t> sites; // (call, owner)
    for (const TaggedBlock &tag : tags.live) {
        const auto next = static_cast<uint32_t>(sites.size() + 1);
        auto [at, added] = sites.try_emplace({tag.site, tag.owner}, next);
        if (added) {
            Site &site = trace.sites[next];
            site.id = next;
            site.family = 1;
            site.owner = tag.owner;
            site.image = made_up_image;
            if (tag.site != 0)
                site.stack = {tag.site};
        }
        Slot &slot = trace.slots.emplace_back();
        slot.reference = static_cast<uint32_t>(trace.slots.size());
        slot.image = made_up_image;
        slot.space = 1;
        slot.handle = tag.address;
        slot.size = tag.size;
        slot.sequence = 1;
        slot.site = at->second;
        remains.blocks.push_back({tag.address, tag.size, static_cast<uint32_t>(trace.slots.size() - 1)});
    }
    tell_end(trace, made_up_image, core);
}

void trace_from_ledger(Remains &remains, Trace trace, uint16_t image, const CoreFile &core,
                       const HeapTags &tags)
{
    trace.source = source_core;
    tell_end(trace, image, core);
    keep_image(trace.slots, image);
    keep_image(trace.counters, image);
    keep_image(trace.anomalies, image);
    for (auto &[id, other] : trace.images)
        other.recorded = other.recorded && id == image;

    std::unordered_map<uint64_t, const TaggedBlock *> by_address;
    for (const TaggedBlock &tag : tags.live)
        by_address[tag.address] = &tag;
    uint64_t untagged = 0, not_dumped = 0, first_untagged = 0;
    std::vector<Slot> kept;
    for (const Slot &slot : trace.slots) {
        if (!is_of("heap", trace, slot)) {
            if (is_of("mapping", trace, slot))
                if (const auto block = block_of_mapping(slot, core, static_cast<uint32_t>(kept.size())))
                    remains.blocks.push_back(*block);
            kept.push_back(slot);
            continue;
        }
        uint64_t size = slot.size;
        bool there = by_address.contains(slot.handle);
        if (!there && remains.memory.region_at(slot.handle) == nullptr) {
            not_dumped++;
            kept.push_back(slot);
            continue;
        }
        if (!there)
            there = find_tag(remains.memory, slot.handle, size).has_value();
        if (!there) {
            if (untagged++ == 0)
                first_untagged = slot.handle;
            continue;
        }
        remains.blocks.push_back({slot.handle, size, static_cast<uint32_t>(kept.size())});
        kept.push_back(slot);
    }
    trace.slots = std::move(kept);
    drop_overlaps(remains.blocks);
    add_other_blocks(remains, tags);
    if (untagged > 0)
        trace.damage.push_back(fmt::format(
            "{} heap blocks that the ledger has are left out, the first at {:#x}: their tags do not "
            "stand in memory, because they were written past their end or were just given back",
            untagged, first_untagged));
    if (not_dumped > 0)
        trace.damage.push_back(fmt::format(
            "{} heap blocks of the ledger lie in memory that the core lacks: what holds them is not "
            "known",
            not_dumped));
    remains.trace = std::move(trace);
}

} // namespace unpaired
