#include "passes/reach.h"

#include <algorithm>
#include <deque>
#include <fmt/format.h>
#include <map>
#include <tuple>

namespace unpaired {
namespace {

constexpr size_t preview_bytes = 32;
constexpr unsigned previews_of_a_kind = 3;

class Reacher {
public:
    explicit Reacher(const Remains &remains)
        : remains_(remains), word_(remains.address_size), result_(remains.blocks.size()),
          marked_(remains.blocks.size())
    {
        if (!remains.blocks.empty()) {
            lowest_ = remains.blocks.front().address;
            highest_ = end_of(remains.blocks.back());
        }
    }

    std::vector<BlockReach> run()
    {
        mark_from_roots(Reachability::reachable);
        follow(Reachability::reachable);
        mark_from_roots(Reachability::possibly);
        for (const Edge &edge : doubtful_)
            mark(edge, Reachability::possibly);
        follow(Reachability::possibly);
        sort_the_lost();
        return std::move(result_);
    }

private:
    struct Edge {
        size_t block = 0;
        Holder holder;
    };

    static uint64_t end_of(const LiveBlock &block)
    {
        return block.address + std::max<uint64_t>(block.size, 1); // a block of no bytes has an address too
    }

    /// The index of the block that the address lies in; the number of blocks if none.
    size_t block_at(uint64_t address) const
    {
        const std::vector<LiveBlock> &blocks = remains_.blocks;
        if (address < lowest_ || address >= highest_)
            return blocks.size();
        auto after =
            std::upper_bound(blocks.begin(), blocks.end(), address,
                             [](uint64_t wanted, const LiveBlock &block) { return wanted < block.address; });
        if (after == blocks.begin() || address >= end_of(*std::prev(after)))
            return blocks.size();
        return static_cast<size_t>(std::prev(after) - blocks.begin());
    }

    /// Whether what begins at `target`, inside a block, points back: a list node to the node that the word at
    /// `from` belongs to, or a structure behind the contents of the block to its beginning.
    bool points_back(uint64_t target, uint64_t from, uint64_t block) const
    {
        for (unsigned i = 0; i < 3; i++)
            if (auto back = remains_.memory.word(target + uint64_t{i} * word_, word_))
                if (*back != 0 && (is_near(*back, from) || is_near(block, *back)))
                    return true;
        return false;
    }

    /// Whether `place` is `start` or at most two words behind it.
    bool is_near(uint64_t start, uint64_t place) const
    {
        return start <= place && place - start <= 2 * word_;
    }

    /// The block that a word with the value `value`, standing at `from` (0: in a register), points to.
    bool edge_of(uint64_t value, uint64_t from, Edge &edge) const
    {
        edge.block = block_at(value);
        if (edge.block == remains_.blocks.size())
            return false;
        const uint64_t offset = value - remains_.blocks[edge.block].address;
        edge.holder.address = from;
        edge.holder.interior =
            offset > 2 * word_ && !(from != 0 && value % word_ == 0 &&
                                    points_back(value, from, remains_.blocks[edge.block].address));
        return true;
    }

    /// Marks the block, if it has no mark yet, and puts it in the queue.
    void mark(const Edge &edge, Reachability state)
    {
        if (marked_[edge.block])
            return;
        marked_[edge.block] = true;
        result_[edge.block].state = state;
        result_[edge.block].holder = edge.holder;
        queue_.push_back(edge.block);
    }

    template <class Visit> void each_pointer(uint64_t start, uint64_t end, Visit visit)
    {
        const uint64_t aligned = (start + word_ - 1) / word_ * word_;
        remains_.memory.each_piece(aligned, end, [&](uint64_t at, const uint8_t *bytes, size_t length) {
            for (size_t i = (word_ - at % word_) % word_; i + word_ <= length; i += word_) {
                uint64_t value = 0;
                std::memcpy(&value, bytes + i, word_);
                if (value < lowest_ || value >= highest_)
                    continue;
                Edge edge;
                if (edge_of(value, at + i, edge))
                    visit(edge);
            }
        });
    }

    void mark_from_roots(Reachability state)
    {
        for (uint32_t i = 0; i < remains_.roots.size(); i++) {
            const Root &root = remains_.roots[i];
            if ((root.kind == RootKind::stale) != (state == Reachability::possibly))
                continue;
            each_pointer(root.start, root.end, [&](Edge edge) {
                edge.holder.kind = Holder::Kind::root;
                edge.holder.index = i;
                take(edge, state);
            });
        }
        if (state != Reachability::reachable)
            return;
        for (uint32_t i = 0; i < remains_.registers.size(); i++) {
            Edge edge;
            if (!edge_of(remains_.registers[i].value, 0, edge))
                continue;
            edge.holder.kind = Holder::Kind::in_register;
            edge.holder.index = i;
            // a register may hold the block while it walks through it
            edge.holder.interior = false;
            take(edge, state);
        }
    }

    void take(const Edge &edge, Reachability state)
    {
        if (state == Reachability::reachable && edge.holder.interior)
            doubtful_.push_back(edge);
        else
            mark(edge, state);
    }

    /// Follows the pointers in the blocks of the queue, breadth first: holders are the nearest to a root.
    void follow(Reachability state)
    {
        while (!queue_.empty()) {
            const size_t from = queue_.front();
            queue_.pop_front();
            scan_block(from, [&](const Edge &edge) { take(edge, state); });
        }
    }

    template <class Visit> void scan_block(size_t from, Visit visit)
    {
        const LiveBlock &block = remains_.blocks[from];
        each_pointer(block.address, block.address + block.size, [&](Edge edge) {
            if (edge.block == from)
                return;
            edge.holder.kind = Holder::Kind::block;
            edge.holder.index = static_cast<uint32_t>(from);
            visit(edge);
        });
    }

    /// Of the lost blocks, those that another lost one leads to are lost with it. In a ring of them the one with
    /// the lowest address stands for all.
    void sort_the_lost()
    {
        std::vector<size_t> leader(result_.size(), SIZE_MAX); // whose walk reached it
        for (size_t i = 0; i < result_.size(); i++) {
            if (marked_[i] || leader[i] != SIZE_MAX)
                continue;
            leader[i] = i;
            queue_.push_back(i);
            while (!queue_.empty()) {
                const size_t from = queue_.front();
                queue_.pop_front();
                scan_block(from, [&](const Edge &edge) {
                    if (marked_[edge.block] || edge.block == i)
                        return;
                    // an earlier leader is scanned already; it only loses its rank
                    const bool was_leader = leader[edge.block] == edge.block;
                    if (leader[edge.block] != SIZE_MAX && !was_leader)
                        return;
                    if (!was_leader)
                        queue_.push_back(edge.block);
                    leader[edge.block] = i;
                    result_[edge.block].indirect = true;
                    result_[edge.block].holder = edge.holder;
                });
            }
        }
    }

    const Remains &remains_;
    const unsigned word_;
    uint64_t lowest_ = 0, highest_ = 0;
    std::vector<BlockReach> result_;
    std::vector<bool> marked_;
    std::deque<size_t> queue_;
    std::vector<Edge> doubtful_;
};

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

std::vector<BlockReach> reach(const Remains &remains) { return Reacher(remains).run(); }

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
