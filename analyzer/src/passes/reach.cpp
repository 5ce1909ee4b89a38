#include "passes/reach.h"

#include "unpaired/reachability.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>

namespace unpaired {
namespace {

constexpr size_t preview_bytes = 32;
constexpr unsigned previews_of_a_kind = 3;

/// A MemoryImage as the marker reads it.
class ImageMemory {
public:
    explicit ImageMemory(const MemoryImage &memory) : memory_(memory), room_(Marker::room_needed) {}

    template <class Visit> void each_piece(uint64_t start, uint64_t end, Visit visit)
    {
        memory_.each_piece(start, end, visit);
    }
    void read(reachability::Piece *pieces, unsigned n)
    {
        for (unsigned i = 0; i < n; i++)
            pieces[i].got = memory_.copy(pieces[i].at, pieces[i].to, pieces[i].length);
    }
    uint8_t *room() { return room_.data(); }
    bool keep(const reachability::Pointer &pointer)
    {
        kept_.push_back(pointer);
        return true;
    }
    reachability::Pointer *kept() { return kept_.data(); }
    static bool go_on() { return true; }

private:
    using Marker = reachability::Marker<ImageMemory>;
    const MemoryImage &memory_;
    std::vector<uint8_t> room_;
    std::vector<reachability::Pointer> kept_;
};

BlockReach result_of(const reachability::Mark &mark)
{
    BlockReach result;
    result.state = mark.state == reachability::State::reachable  ? Reachability::reachable
                   : mark.state == reachability::State::possibly ? Reachability::possibly
                                                                 : Reachability::lost;
    result.indirect = mark.indirect;
    result.holder.kind = static_cast<Holder::Kind>(mark.kind);
    result.holder.index = mark.holder;
    result.holder.address = mark.at;
    result.holder.interior = mark.interior;
    return result;
}
static_assert(static_cast<int>(Holder::Kind::block) == static_cast<int>(reachability::HolderKind::block));

/// "g_sessions + 16", or the root's own name.
std::string name_of(const Remains &remains, const Root &root, uint64_t address)
{
    auto after =
        std::upper_bound(remains.symbols.begin(), remains.symbols.end(), address,
                         [](uint64_t wanted, const DataSymbol &symbol) { return wanted < symbol.start; });
    if (root.kind != RootKind::stack && after != remains.symbols.begin() && address < std::prev(after)->end) {
        const DataSymbol &symbol = *std::prev(after);
        const std::string place = address == symbol.start
                                      ? symbol.name
                                      : fmt::format("{} + {}", symbol.name, address - symbol.start);
        return root.kind == RootKind::stale ? fmt::format("{} ({})", place, root.name) : place;
    }
    return fmt::format("{} ({:#x})", root.name, address);
}

} // namespace

std::vector<BlockReach> reach(const Remains &remains)
{
    std::vector<reachability::Block> blocks;
    for (const LiveBlock &block : remains.blocks)
        blocks.push_back({block.address, block.size, block.any_pointer_holds});
    std::vector<reachability::Mark> marks(blocks.size());
    std::vector<uint8_t> found(blocks.size());
    std::vector<uint32_t> queue(blocks.size()), links(blocks.size()), index(blocks.size()),
        first(blocks.size() + 1);
    ImageMemory memory(remains.memory);
    reachability::Marker<ImageMemory> marker(memory,
                                             {blocks.data(), static_cast<uint32_t>(blocks.size()),
                                              marks.data(), found.data(), queue.data(), links.data(),
                                              index.data(), first.data()},
                                             remains.address_size);
    marker.collect_pointers();
    const auto each_root = [&](bool stale, auto scan) {
        for (uint32_t i = 0; i < remains.roots.size(); i++)
            if ((remains.roots[i].kind == RootKind::stale) == stale)
                scan(i, remains.roots[i]);
    };
    each_root(false, [&](uint32_t i, const Root &root) { marker.scan_root(i, root.start, root.end); });
    for (uint32_t i = 0; i < remains.registers.size(); i++)
        marker.take_register(i, remains.registers[i].value);
    marker.follow_reachable();
    each_root(true, [&](uint32_t i, const Root &root) { marker.scan_stale_root(i, root.start, root.end); });
    marker.follow_possible();
    marker.sort_the_lost();
    marker.doubt_lost([&](uint32_t block) { return remains.blocks[block].reserved; });
    std::vector<BlockReach> result;
    for (const reachability::Mark &mark : marks)
        result.push_back(result_of(mark));
    return result;
}

void tell_reach(Remains &remains)
{
    const std::vector<BlockReach> reached = reach(remains);
    remains.trace.held.assign(remains.trace.slots.size(), {});
    std::map<std::tuple<uint32_t, Reachability, bool>, unsigned> previews; // by site and how it is held
    for (size_t i = 0; i < reached.size(); i++) {
        const LiveBlock &block = remains.blocks[i];
        if (block.slot == LiveBlock::no_slot)
            continue;
        Held &held = remains.trace.held[block.slot];
        const Holder &holder = reached[i].holder;
        held.state = reached[i].state;
        held.indirect = reached[i].indirect;
        held.at = holder.address;
        held.interior = holder.interior;
        switch (holder.kind) {
        case Holder::Kind::none:
            break;
        case Holder::Kind::root:
            held.by = name_of(remains, remains.roots[holder.index], holder.address);
            break;
        case Holder::Kind::in_register:
            held.by = "register " + remains.registers[holder.index].name;
            break;
        case Holder::Kind::block:
            held.by_slot = remains.blocks[holder.index].slot;
            if (held.by_slot == LiveBlock::no_slot)
                held.by = fmt::format("a block that was not recorded ({:#x})",
                                      remains.blocks[holder.index].address);
            break;
        }
        // of equals a few are as good as all
        const Slot &slot = remains.trace.slots[block.slot];
        if (previews[{slot.site, held.state, held.indirect}]++ >= previews_of_a_kind)
            continue;
        held.beginning.resize(static_cast<size_t>(std::min<uint64_t>(block.size, preview_bytes)));
        held.beginning.resize(
            remains.memory.copy(block.address, held.beginning.data(), held.beginning.size()));
    }
}

} // namespace unpaired
