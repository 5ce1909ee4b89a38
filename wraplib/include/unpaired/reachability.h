// Which blocks memory still holds pointers to, and what holds them: one judgement for a process that looks at itself
// when it ends, for one that is looked at while it runs, for cores and for RAM images. C++, freestanding: nothing is
// allocated, thrown or called; the arrays are the caller's, and memory is read through its functions. Not used by
// firmware.
#ifndef UNPAIRED_REACHABILITY_H
#define UNPAIRED_REACHABILITY_H

#include <stddef.h>
#include <stdint.h>

namespace unpaired::reachability {

struct Block {
    uint64_t address;
    uint64_t size : 63;
    /// A pointer to anywhere in it holds it: memory that the program itself hands out in pieces (mmap).
    uint64_t any_pointer_holds : 1;
};

enum class State : uint8_t { lost, possibly, reachable };
enum class HolderKind : uint8_t { none, root, in_register, block, freed };

/// How a block is held.
struct Mark {
    uint64_t at;     ///< where the pointer stands; 0 in a register
    uint32_t holder; ///< the caller's number of the root, register or freed memory; the index of the block
    State state;
    HolderKind kind;
    bool interior; ///< the pointer points into the block, not to its beginning
    bool indirect; ///< lost, but a lost block points to it: the leak is that one
};

/// Part of memory to be read: `got` of `length` bytes of it could be.
struct Piece {
    uint64_t at;
    uint8_t *to;
    size_t length, got;
};

/// What the marker needs of the caller, for `count` blocks. Marks must be all zero; what is not said to be zero may
/// hold anything.
struct Arrays {
    const Block *blocks; ///< by ascending address, without overlap
    uint32_t count;
    Mark *marks;     ///< the result, beside `blocks`
    uint8_t *found;  ///< of `count`, all zero
    uint32_t *queue; ///< of `count`
    uint32_t *links; ///< of `count`
    uint32_t *index; ///< of `count`
};

/// Marks blocks from what points to them, each being scanned once for words of `word` bytes at addresses aligned so.
/// Its functions are called in the order in which they stand here.
///
/// A pointer *holds* a block if it points to one of its first 2 * word + 1 addresses (allocation wrappers put a
/// header of one or two words before what they hand out; new[] a count), or further inside to something that points
/// back with one of its first three words: to where the pointer stands (a doubly linked list through the middle of
/// its elements), or to the block's beginning (sqlite's pages, described at their end). Any other pointer into a
/// block only may: it, and a pointer in a root that is perhaps out of use, make a block possibly lost. A block that
/// only points to itself is lost.
///
/// `Memory` has
///     template <class Visit> void each_piece(uint64_t start, uint64_t end, Visit visit): calls visit(address,
///         bytes, length) for what can be read of the memory from start to end - 1, ascending;
///     void read(Piece *pieces, unsigned n): reads several at once;
///     uint8_t *small(): room for `small_room` bytes.
template <class Memory> class Marker {
public:
    static constexpr unsigned most_at_once = 64, small_block = 512, small_room = most_at_once * small_block;

    Marker(Memory &memory, const Arrays &arrays, unsigned word)
        : memory_(memory), blocks_(arrays.blocks), count_(arrays.count), marks_(arrays.marks),
          found_(arrays.found), queue_(arrays.queue), links_(arrays.links), index_(arrays.index), word_(word)
    {
        if (count_ == 0)
            return;
        lowest_ = blocks_[0].address;
        highest_ = end_of(blocks_[count_ - 1]);
        make_index();
    }

    /// The index of the block that the address lies in; the number of blocks if none.
    uint32_t block_at(uint64_t address) const
    {
        if (address < lowest_ || address >= highest_)
            return count_;
        const Stretch *stretch = stretches_;
        while (stretch + 1 < stretches_ + n_stretches_ && stretch[1].start <= address)
            stretch++;
        if (address >= stretch->end)
            return count_;
        const uint64_t place = (address - stretch->start) >> shift_;
        uint32_t first =
            index_[stretch->place + place]; // the last block that begins at or before it is not before
        uint32_t n =
            (place + 1 < stretch->places ? index_[stretch->place + place + 1] : stretch->last) - first + 1;
        while (n > 1) {
            const uint32_t half = n / 2;
            first = blocks_[first + half].address <= address ? first + half : first;
            n -= half;
        }
        return address >= blocks_[first].address && address < end_of(blocks_[first]) ? first : count_;
    }

    /// Memory that is in use holds what it points to.
    void scan_root(uint32_t root, uint64_t start, uint64_t end)
    {
        scan_root(root, start, end, State::reachable);
    }

    /// A register may hold a block while it walks through it.
    void take_register(uint32_t number, uint64_t value)
    {
        Edge edge;
        if (!edge_of(value, 0, edge))
            return;
        edge.kind = HolderKind::in_register;
        edge.holder = number;
        edge.interior = false;
        mark(edge, State::reachable);
    }

    /// A block that is a root itself, such as a stack that the program mapped.
    void take_block(uint32_t block, uint32_t root)
    {
        mark({block, root, blocks_[block].address, HolderKind::root, false}, State::reachable);
    }

    /// Follows what was found so far, breadth first: holders are the nearest to a root.
    void follow_reachable() { follow(State::reachable); }

    /// Memory that may be out of use: what only it points to is possibly lost.
    void scan_stale_root(uint32_t root, uint64_t start, uint64_t end)
    {
        scan_root(root, start, end, State::possibly);
    }

    void follow_possible()
    {
        for (uint32_t i = 0; i < doubtful_; i++) {
            if (marked(links_[i]))
                continue;
            found_[links_[i]] |= is_marked;
            marks_[links_[i]].state = State::possibly;
            queue_[tail_++] = links_[i];
        }
        follow(State::possibly);
    }

    /// Of the lost blocks, those that another lost one leads to are lost with it. In a ring of them the one with the
    /// lowest address stands for all.
    void sort_the_lost()
    {
        constexpr uint32_t none = UINT32_MAX;
        uint32_t *leader = links_; // whose walk reached it
        for (uint32_t i = 0; i < count_; i++)
            leader[i] = none;
        for (uint32_t i = 0; i < count_; i++) {
            if (marked(i) || leader[i] != none)
                continue;
            leader[i] = i;
            head_ = tail_ = 0;
            queue_[tail_++] = i;
            scan_queue([&](const Edge &edge) {
                if (edge.block == i)
                    return;
                Mark &mark = marks_[edge.block];
                // an earlier leader is scanned already; it only loses its rank
                const bool was_leader = leader[edge.block] == edge.block;
                if (leader[edge.block] != none && !was_leader)
                    return;
                if (!was_leader)
                    queue_[tail_++] = edge.block;
                leader[edge.block] = i;
                mark.indirect = true;
                note(mark, edge);
            });
        }
    }

    /// Of the lost blocks at the head of what is lost, those of which `doubt(block)` is true are possibly lost, with
    /// all that only they lead to.
    template <class Doubt> void doubt_lost(Doubt doubt)
    {
        head_ = tail_ = 0;
        for (uint32_t i = 0; i < count_; i++)
            if (!marked(i) && !marks_[i].indirect && doubt(i)) {
                found_[i] |= is_marked;
                marks_[i].state = State::possibly;
                queue_[tail_++] = i;
            }
        follow(State::possibly);
    }

    /// Memory that was given back holds nothing, but may tell what held a block last. Notes, for a block at the head of
    /// what is lost, the first pointer to it that is found so, if `accept(block)` is true.
    template <class Accept> void scan_freed(uint32_t number, uint64_t start, uint64_t end, Accept accept)
    {
        memory_.each_piece(start, end, [&](uint64_t at, const uint8_t *bytes, size_t length) {
            each_pointer(at, bytes, length, [&](Edge edge) {
                Mark &mark = marks_[edge.block];
                if (mark.indirect || mark.kind != HolderKind::none || edge.interior || !accept(edge.block))
                    return;
                edge.kind = HolderKind::freed;
                edge.holder = number;
                note(mark, edge);
            });
        });
    }

private:
    struct Edge {
        uint32_t block, holder;
        uint64_t at;
        HolderKind kind;
        bool interior;
    };

    static constexpr uint8_t is_marked = 1, is_doubted = 2;
    bool marked(uint32_t block) const { return (found_[block] & is_marked) != 0; }

    /// Blocks that lie near each other. Each has part of the index: for each piece of 2^shift_ bytes the last block
    /// that begins before it, or else the first.
    struct Stretch {
        uint64_t start, end, places; ///< places: of the index
        uint32_t place, last;        ///< where its part begins; its last block
    };

    /// Blocks lie in a few places far from each other (heap, mappings), so that one division of the whole would put
    /// them all into a few pieces.
    void make_index()
    {
        for (uint64_t gap = uint64_t{1} << 20;; gap *= 16) {
            n_stretches_ = 0;
            for (uint32_t i = 0; i < count_ && n_stretches_ <= most_stretches; i++) {
                if (n_stretches_ == 0 || blocks_[i].address - stretches_[n_stretches_ - 1].end >= gap) {
                    if (n_stretches_ == most_stretches) {
                        n_stretches_++;
                        break;
                    }
                    stretches_[n_stretches_++].start = blocks_[i].address;
                }
                stretches_[n_stretches_ - 1].end = end_of(blocks_[i]);
                stretches_[n_stretches_ - 1].last = i;
            }
            if (n_stretches_ <= most_stretches)
                break;
        }
        for (shift_ = 4; places_needed() > count_ && shift_ < 63; shift_++) {
        }
        uint32_t block = 0, place = 0;
        for (Stretch *stretch = stretches_; stretch != stretches_ + n_stretches_; stretch++) {
            stretch->place = place;
            stretch->places = ((stretch->end - stretch->start - 1) >> shift_) + 1;
            for (uint64_t i = 0; i < stretch->places; i++) {
                while (block < stretch->last && blocks_[block + 1].address <= stretch->start + (i << shift_))
                    block++;
                index_[place++] = block;
            }
            block = stretch->last + 1;
        }
    }

    uint64_t places_needed() const
    {
        uint64_t places = 0;
        for (const Stretch *stretch = stretches_; stretch != stretches_ + n_stretches_; stretch++)
            places += ((stretch->end - stretch->start - 1) >> shift_) + 1;
        return places;
    }

    static uint64_t end_of(const Block &block)
    {
        return block.address + (block.size != 0 ? block.size : 1); // a block of no bytes has an address too
    }

    uint64_t word_at(const uint8_t *bytes) const
    {
        uint64_t value = 0;
        __builtin_memcpy(&value, bytes, word_); // little-endian, see trace_format.h
        return value;
    }

    /// Whether what begins at `target`, inside a block, points back: a list node to the node that the word at
    /// `from` belongs to, or a structure behind the contents of the block to its beginning.
    bool points_back(uint64_t target, uint64_t from, uint64_t block) const
    {
        uint8_t bytes[3 * sizeof(uint64_t)];
        Piece piece{target, bytes, 3 * word_, 0};
        memory_.read(&piece, 1);
        for (size_t i = 0; i + word_ <= piece.got; i += word_) {
            const uint64_t back = word_at(bytes + i);
            if (back != 0 && (is_near(back, from) || is_near(block, back)))
                return true;
        }
        return false;
    }

    /// Whether `place` is `start` or at most two words behind it.
    bool is_near(uint64_t start, uint64_t place) const
    {
        return start <= place && place - start <= 2 * word_;
    }

    /// The block without a mark that a word with the value `value`, standing at `from` (0: in a register), points to.
    bool edge_of(uint64_t value, uint64_t from, Edge &edge) const
    {
        edge.block = block_at(value);
        if (edge.block == count_ || marked(edge.block))
            return false;
        const Block &block = blocks_[edge.block];
        edge.at = from;
        edge.interior = value - block.address > 2 * word_ && !block.any_pointer_holds &&
                        !(from != 0 && value % word_ == 0 && points_back(value, from, block.address));
        return true;
    }

    static void note(Mark &mark, const Edge &edge)
    {
        mark.at = edge.at;
        mark.holder = edge.holder;
        mark.kind = edge.kind;
        mark.interior = edge.interior;
    }

    /// Marks the block, if it has no mark yet, and puts it in the queue.
    void mark(const Edge &edge, State state)
    {
        if (marked(edge.block))
            return;
        found_[edge.block] |= is_marked;
        Mark &mark = marks_[edge.block];
        mark.indirect = false;
        mark.state = state;
        note(mark, edge);
        queue_[tail_++] = edge.block;
    }

    void take(const Edge &edge, State state)
    {
        if (state != State::reachable || !edge.interior) {
            mark(edge, state);
            return;
        }
        if (found_[edge.block] != 0)
            return;
        found_[edge.block] |= is_doubted;
        note(marks_[edge.block], edge);
        links_[doubtful_++] = edge.block;
    }

    template <class Visit> void each_pointer(uint64_t at, const uint8_t *bytes, size_t length, Visit visit)
    {
        for (size_t i = (word_ - at % word_) % word_; i + word_ <= length; i += word_) {
            const uint64_t value = word_at(bytes + i);
            if (value < lowest_ || value >= highest_)
                continue;
            Edge edge;
            if (edge_of(value, at + i, edge))
                visit(edge);
        }
    }

    void scan_root(uint32_t root, uint64_t start, uint64_t end, State state)
    {
        memory_.each_piece(start, end, [&](uint64_t at, const uint8_t *bytes, size_t length) {
            each_pointer(at, bytes, length, [&](Edge edge) {
                edge.kind = HolderKind::root;
                edge.holder = root;
                take(edge, state);
            });
        });
    }

    void follow(State state)
    {
        scan_queue([&](const Edge &edge) { take(edge, state); });
        head_ = tail_ = 0;
    }

    /// Scans the blocks in the queue, and those that `visit` adds to it, in their order. Small ones are read several
    /// at a time.
    template <class Visit> void scan_queue(Visit visit)
    {
        Piece pieces[most_at_once];
        while (head_ != tail_) {
            uint8_t *to = memory_.small();
            unsigned n = 0;
            for (; n < most_at_once && head_ + n != tail_; n++) {
                const Block &block = blocks_[queue_[head_ + n]];
                if (block.size > small_block)
                    break;
                pieces[n] = {block.address, to + size_t{n} * small_block, static_cast<size_t>(block.size), 0};
            }
            if (n != 0)
                memory_.read(pieces, n);
            for (unsigned i = 0; i < n; i++)
                scan_block(queue_[head_ + i], pieces[i].at, pieces[i].to, pieces[i].got, visit);
            head_ += n;
            if (n != 0)
                continue;
            const uint32_t from = queue_[head_++];
            const Block &block = blocks_[from];
            memory_.each_piece(block.address, block.address + block.size,
                               [&](uint64_t at, const uint8_t *bytes, size_t length) {
                                   scan_block(from, at, bytes, length, visit);
                               });
        }
    }

    template <class Visit>
    void scan_block(uint32_t from, uint64_t at, const uint8_t *bytes, size_t length, Visit &visit)
    {
        each_pointer(at, bytes, length, [&](Edge edge) {
            if (edge.block == from)
                return;
            edge.kind = HolderKind::block;
            edge.holder = from;
            visit(edge);
        });
    }

    Memory &memory_;
    const Block *blocks_;
    const uint32_t count_;
    Mark *marks_;
    uint8_t *found_;
    uint32_t *queue_, *links_, *index_;
    const unsigned word_;
    static constexpr unsigned most_stretches = 32;
    Stretch stretches_[most_stretches];
    unsigned n_stretches_ = 0, shift_ = 0;
    uint64_t lowest_ = 0, highest_ = 0;
    uint32_t head_ = 0,
             tail_ = 0;     // of the queue; a block enters it once between two times that it is emptied
    uint32_t doubtful_ = 0; // how many of `links_` are blocks that only an interior pointer was found to
};

} // namespace unpaired::reachability

#endif
