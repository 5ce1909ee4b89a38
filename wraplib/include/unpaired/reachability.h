// Which blocks memory still holds pointers to, and what holds them: one judgement for a process that looks at itself
// when it ends, for one that is looked at while it runs, for cores and for RAM images. C++, freestanding: nothing is
// allocated, thrown or called; the arrays are the caller's, and memory is read through its functions. Not used by
// firmware.
#ifndef UNPAIRED_REACHABILITY_H
#define UNPAIRED_REACHABILITY_H

#include "unpaired/block_index.h"
#include "unpaired/inside_pointers.h"

#include <stddef.h>
#include <stdint.h>

namespace unpaired::reachability {

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

/// A pointer in a block: the block that it points to, and its own position.
struct Pointer {
    uint32_t block;
    uint32_t word : 31;    ///< the number of the word in the block that contains it
    uint32_t interior : 1; ///< as in Mark
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
    uint32_t *first; ///< of `count` + 1
};

/// Marks blocks by the pointers to them. Treats each aligned word of `word` bytes as a pointer. Its functions are
/// called in the order in which they stand here.
///
/// Reads all small blocks once, in the order of their addresses and in large pieces, and keeps the pointers in them:
/// following pointers through memory would cost a system call for every few blocks. Reads large blocks when it
/// follows a pointer to them.
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
///     uint8_t *room(): room for `room_needed` bytes, aligned for uint64_t;
///     bool keep(const Pointer &): adds one to the pointers that are kept; false if there is no room for it;
///     Pointer *kept(): all of them;
///     bool go_on(): false if the search is to be given up. It is asked now and then; the marks mean nothing then.
template <class Memory> class Marker {
public:
    static constexpr uint64_t large_block = 64 * 1024, buffer_room = 1 << 20,
                              room_needed = InsidePointers<Memory>::room_needed +
                                            most_pieces * sizeof(Piece) + buffer_room;

    Marker(Memory &memory, const Arrays &arrays, unsigned word)
        : memory_(memory), blocks_(arrays.blocks), count_(arrays.count), marks_(arrays.marks),
          found_(arrays.found), queue_(arrays.queue), links_(arrays.links), first_(arrays.first), word_(word),
          index_(arrays.blocks, arrays.count, arrays.index),
          inside_(memory, arrays.blocks, word, memory.room()),
          pieces_{reinterpret_cast<Piece *>(memory.room() + InsidePointers<Memory>::room_needed),
                  memory.room() + room_needed - buffer_room, buffer_room}
    {}

    /// Reads the small blocks, and keeps the pointers in them. Blocks whose pointers do not fit are read later, when
    /// a pointer to them is followed.
    void collect_pointers()
    {
        const uint64_t most_kept = uint64_t{8} * count_ + (1 << 20);
        const auto settle = [this](const Question &question, bool interior) {
            memory_.kept()[question.number].interior = interior;
        };
        bool room = true;
        for (uint32_t next = 0; next < count_ && room && memory_.go_on();) {
            uint32_t block = next;
            const unsigned n = gather_small_blocks(next);
            if (n != 0)
                memory_.read(pieces_.pieces, n);
            const Piece *piece = pieces_.pieces, *end = piece + n;
            for (; block < next && room; block++) {
                first_[block] = n_kept_;
                if (!is_small(block) || blocks_[block].size == 0)
                    continue;
                while (piece != end && blocks_[block].address >= piece->at + piece->length)
                    piece++;
                if (piece != end)
                    room = keep_pointers_of(block, *piece, settle) && n_kept_ < most_kept;
            }
            kept_until_ = room ? next : block - 1;
        }
        inside_.answer(settle);
        for (uint32_t block = kept_until_; block <= count_; block++)
            first_[block] = n_kept_;
    }

    /// Returns the number of the block that contains the address, or the number of all blocks if none does.
    uint32_t block_at(uint64_t address) const { return index_.block_at(address); }

    /// Memory that is in use holds what it points to.
    void scan_root(uint32_t root, uint64_t start, uint64_t end)
    {
        scan_root(root, start, end, State::reachable);
    }

    /// A register may hold a block while it walks through it.
    void take_register(uint32_t number, uint64_t value)
    {
        if (const uint32_t block = block_at(value); block != count_)
            mark({block, number, 0, HolderKind::in_register, false}, State::reachable);
    }

    /// A block that is a root itself, such as a stack that the program mapped.
    void take_block(uint32_t block, uint32_t root)
    {
        mark({block, root, blocks_[block].address, HolderKind::root, false}, State::reachable);
    }

    /// Follows the pointers found so far, breadth first, so that a block's holder is the one nearest to a root.
    void follow_reachable()
    {
        answer_of_roots(State::reachable);
        follow(State::reachable);
    }

    /// Memory that may be out of use: what only it points to is possibly lost.
    void scan_stale_root(uint32_t root, uint64_t start, uint64_t end)
    {
        scan_root(root, start, end, State::possibly);
    }

    void follow_possible()
    {
        answer_of_roots(State::possibly);
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
            each_pointer(at, bytes, length, [&](uint32_t block, uint64_t value, uint64_t from) {
                Mark &mark = marks_[block];
                if (!marked(block) && !mark.indirect && mark.kind == HolderKind::none && accept(block) &&
                    (!is_inside(block, value) ||
                     (value % word_ == 0 && inside_.holds({value, from, block, number}))))
                    note(mark, {block, number, from, HolderKind::freed, false});
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

    bool is_small(uint32_t block) const { return blocks_[block].size <= large_block; }

    /// Returns true if a pointer with this value points neither to the block's beginning nor near it.
    bool is_inside(uint32_t block, uint64_t value) const
    {
        return value - blocks_[block].address > 2 * word_ && !blocks_[block].any_pointer_holds;
    }

    void answer_of_roots(State state)
    {
        const auto settle = [this, state](const Question &question, bool interior) {
            take_from_root(question, interior, state);
        };
        inside_.answer(settle);
    }

    void take_from_root(const Question &found, bool interior, State state)
    {
        if (!marked(found.block))
            take({found.block, found.number, found.from, HolderKind::root, interior}, state);
    }

    /// Covers small blocks from `block` on, and sets `block` to the first one that is not covered. Returns the number
    /// of pieces.
    unsigned gather_small_blocks(uint32_t &block)
    {
        pieces_.clear();
        while (block < count_ && (!is_small(block) || blocks_[block].size == 0 ||
                                  pieces_.add(blocks_[block].address, blocks_[block].size)))
            block++;
        return pieces_.n;
    }

    uint64_t first_word_of(uint32_t block) const
    {
        return (blocks_[block].address + word_ - 1) / word_ * word_;
    }

    /// Keeps the pointers in a block that lies in the piece. Returns false if there is no room for them.
    template <class Settle> bool keep_pointers_of(uint32_t from, const Piece &piece, Settle &settle)
    {
        const uint64_t offset = blocks_[from].address - piece.at, size = blocks_[from].size,
                       first_word = first_word_of(from);
        if (offset >= piece.got)
            return true;
        bool room = true;
        const auto length = static_cast<size_t>(size < piece.got - offset ? size : piece.got - offset);
        each_pointer(
            blocks_[from].address, piece.to + offset, length, [&](uint32_t to, uint64_t value, uint64_t at) {
                if (to == from)
                    return;
                const bool inside = is_inside(to, value);
                room = room && memory_.keep({to, static_cast<uint32_t>((at - first_word) / word_), inside});
                if (room && inside && value % word_ == 0)
                    inside_.ask({value, at, to, n_kept_}, settle);
                n_kept_ += room;
            });
        return room;
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

    /// Calls `visit(block, value, from)` for each word of these bytes that points into a block. `at` is their
    /// address. Looks up several words at a time: the index is too large for the processor's cache.
    template <class Visit> void each_pointer(uint64_t at, const uint8_t *bytes, size_t length, Visit visit)
    {
        constexpr unsigned most = 32;
        uint64_t values[most], from[most];
        unsigned n = 0;
        const auto look_up = [&] {
            for (unsigned i = 0; i < n; i++)
                if (const uint32_t block = block_at(values[i]); block != count_)
                    visit(block, values[i], from[i]);
            n = 0;
        };
        for (size_t i = (word_ - at % word_) % word_; i + word_ <= length; i += word_) {
            const uint64_t value = word_at(bytes + i, word_);
            if (!index_.is_among(value))
                continue;
            index_.prefetch(value);
            values[n] = value;
            from[n++] = at + i;
            if (n == most)
                look_up();
        }
        look_up();
    }

    void scan_root(uint32_t root, uint64_t start, uint64_t end, State state)
    {
        const auto settle = [this, state](const Question &question, bool interior) {
            take_from_root(question, interior, state);
        };
        memory_.each_piece(start, end, [&](uint64_t at, const uint8_t *bytes, size_t length) {
            each_pointer(at, bytes, length, [&](uint32_t block, uint64_t value, uint64_t from) {
                if (marked(block))
                    return;
                const Question found{value, from, block, root};
                const bool inside = is_inside(block, value);
                if (inside && value % word_ == 0)
                    inside_.ask(found, settle);
                else
                    take_from_root(found, inside, state);
            });
        });
    }

    void follow(State state)
    {
        scan_queue([this, state](const Edge &edge) { take(edge, state); });
        head_ = tail_ = 0;
    }

    /// Calls `visit(edge)` for the pointers to blocks without a mark in the queue's blocks, and in those that `visit`
    /// adds to the queue, in their order.
    template <class Visit> void scan_queue(Visit visit)
    {
        constexpr unsigned at_once = 1 << 16;
        while (head_ != tail_) {
            if (++steps_ % at_once == 0 && !memory_.go_on())
                return;
            const uint32_t from = queue_[head_++];
            prefetch_queue();
            if (!is_small(from) || from >= kept_until_) {
                scan_block(from, visit);
                continue;
            }
            const Pointer *pointer = memory_.kept() + first_[from], *end = memory_.kept() + first_[from + 1];
            for (; pointer != end; pointer++)
                if (!marked(pointer->block))
                    visit(Edge{pointer->block, from, first_word_of(from) + uint64_t{pointer->word} * word_,
                               HolderKind::block, pointer->interior != 0});
        }
    }

    /// Prefetches the memory that the next blocks in the queue need.
    void prefetch_queue() const
    {
        constexpr uint32_t near = 4, far = 8, farthest = 16;
        if (tail_ - head_ > farthest)
            __builtin_prefetch(&first_[queue_[head_ + farthest]]);
        if (tail_ - head_ > far)
            __builtin_prefetch(memory_.kept() + first_[queue_[head_ + far]]);
        if (tail_ - head_ > near) {
            const uint32_t block = queue_[head_ + near];
            __builtin_prefetch(&blocks_[block]);
            if (first_[block] != first_[block + 1])
                __builtin_prefetch(&marks_[memory_.kept()[first_[block]].block], 1);
        }
    }

    /// Reads a block for pointers to blocks without a mark.
    template <class Visit> void scan_block(uint32_t from, Visit &visit)
    {
        const auto settle = [&](const Question &question, bool interior) {
            if (!marked(question.block))
                visit(Edge{question.block, from, question.from, HolderKind::block, interior});
        };
        const Block &block = blocks_[from];
        memory_.each_piece(
            block.address, block.address + block.size, [&](uint64_t at, const uint8_t *bytes, size_t length) {
                each_pointer(at, bytes, length, [&](uint32_t to, uint64_t value, uint64_t place) {
                    if (to == from || marked(to))
                        return;
                    const Question found{value, place, to, from};
                    const bool inside = is_inside(to, value);
                    if (inside && value % word_ == 0)
                        inside_.ask(found, settle);
                    else
                        settle(found, inside);
                });
            });
        inside_.answer(settle);
    }

    Memory &memory_;
    const Block *blocks_;
    const uint32_t count_;
    Mark *marks_;
    uint8_t *found_;
    uint32_t *queue_, *links_, *first_;
    const unsigned word_;
    BlockIndex index_;
    InsidePointers<Memory> inside_;
    Pieces pieces_; // small blocks
    unsigned steps_ = 0;
    uint32_t kept_until_ = 0; // pointers in small blocks before this one are kept
    uint32_t n_kept_ = 0;
    uint32_t head_ = 0,
             tail_ = 0;     // of the queue; a block enters it once between two times that it is emptied
    uint32_t doubtful_ = 0; // how many of `links_` are blocks that only an interior pointer was found to
};

} // namespace unpaired::reachability

#endif
