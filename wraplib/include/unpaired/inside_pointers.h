// Decides which pointers into the middle of blocks hold their block. C++, freestanding; the caller provides the
// arrays, and functions that read memory. Not used by firmware.
#ifndef UNPAIRED_INSIDE_POINTERS_H
#define UNPAIRED_INSIDE_POINTERS_H

#include "unpaired/block_index.h"

#include <algorithm>
#include <stddef.h>
#include <stdint.h>

namespace unpaired::reachability {

/// A part of memory to read. `got` of its `length` bytes are readable.
struct Piece {
    uint64_t at;
    uint8_t *to;
    size_t length, got;
};

inline constexpr unsigned most_pieces = 256; ///< that are read at once

/// Pieces by ascending address, and the buffer for their contents.
struct Pieces {
    Piece *pieces;
    uint8_t *buffer;
    uint64_t room;
    unsigned n = 0;
    uint64_t used = 0;

    void clear() { n = 0, used = 0; }

    /// Covers one more range, which begins in or after the last one. Returns false if it does not fit.
    bool add(uint64_t start, uint64_t length)
    {
        constexpr uint64_t gap = 1024; // reading it costs less than one more piece
        Piece *last = n != 0 ? &pieces[n - 1] : nullptr;
        if (last != nullptr && start <= last->at + last->length + gap) {
            const uint64_t end = start + length, before = last->at + last->length;
            if (end > before && used + (end - before) > room)
                return false;
            if (end > before) {
                used += end - before;
                last->length += static_cast<size_t>(end - before);
            }
            return true;
        }
        if (n == most_pieces || used + length > room)
            return false;
        pieces[n++] = {start, buffer + used, static_cast<size_t>(length), 0};
        used += length;
        return true;
    }
};

/// A pointer into a block. Memory that is not yet read decides if it holds the block.
struct Question {
    uint64_t value, from; ///< from: its own address
    uint32_t block;
    uint32_t number; ///< the caller's
};

/// Returns the word of `word` bytes at an address.
inline uint64_t word_at(const uint8_t *bytes, unsigned word)
{
    uint64_t value = 0;
    __builtin_memcpy(&value, bytes, word); // little-endian, see trace_format.h
    return value;
}

/// Collects pointers into the middle of blocks, and reads their targets for many of them at once: one read for each
/// would be one system call for each.
template <class Memory> class InsidePointers {
public:
    static constexpr unsigned most_questions = 4096;
    static constexpr uint64_t buffer_room = 256 * 1024, room_needed = most_pieces * sizeof(Piece) +
                                                                      most_questions * sizeof(Question) +
                                                                      buffer_room;

    /// `room` has `room_needed` bytes, aligned for uint64_t.
    InsidePointers(Memory &memory, const Block *blocks, unsigned word, uint8_t *room)
        : memory_(memory), blocks_(blocks), word_(word),
          questions_(reinterpret_cast<Question *>(room + most_pieces * sizeof(Piece))),
          pieces_{reinterpret_cast<Piece *>(room), room + room_needed - buffer_room, buffer_room}
    {}

    /// Keeps a question for answer(). Calls answer() if there is no room for more.
    template <class Settle> void ask(const Question &question, Settle &settle)
    {
        if (n_questions_ == most_questions)
            answer(settle);
        questions_[n_questions_++] = question;
    }

    /// Calls `settle(question, interior)` for each question. Memory is read for many of them at once.
    template <class Settle> void answer(Settle &settle)
    {
        std::sort(questions_, questions_ + n_questions_,
                  [](const Question &a, const Question &b) { return a.value < b.value; });
        for (unsigned first = 0; first < n_questions_;) {
            unsigned last = first;
            pieces_.clear();
            while (last < n_questions_ && pieces_.add(questions_[last].value, 3 * word_))
                last++;
            memory_.read(pieces_.pieces, pieces_.n);
            for (const Piece *piece = pieces_.pieces; first < last; first++) {
                const Question &question = questions_[first];
                while (question.value >= piece->at + piece->length)
                    piece++;
                const uint64_t offset = question.value - piece->at;
                const bool back = offset < piece->got &&
                                  points_back(piece->to + offset, static_cast<size_t>(piece->got - offset),
                                              question.from, blocks_[question.block].address);
                settle(question, !back);
            }
        }
        n_questions_ = 0;
    }

    /// Returns true if the pointer holds the block. No other question must be open.
    bool holds(const Question &question)
    {
        bool inside = true;
        const auto settle = [&inside](const Question &, bool interior) { inside = interior; };
        ask(question, settle);
        answer(settle);
        return !inside;
    }

private:
    /// Returns true if one of the first three words of these bytes, which lie inside a block, points back: a list
    /// node to the node that contains the word at `from`, or a structure after the contents of a block to its
    /// beginning.
    bool points_back(const uint8_t *bytes, size_t got, uint64_t from, uint64_t block) const
    {
        for (size_t i = 0; i + word_ <= got && i < 3 * word_; i += word_) {
            const uint64_t back = word_at(bytes + i, word_);
            if (back != 0 && (is_near(back, from) || is_near(block, back)))
                return true;
        }
        return false;
    }

    /// Returns true if `place` is `start` or at most two words after it.
    bool is_near(uint64_t start, uint64_t place) const
    {
        return start <= place && place - start <= 2 * word_;
    }

    Memory &memory_;
    const Block *blocks_;
    const unsigned word_;
    Question *questions_;
    Pieces pieces_;
    unsigned n_questions_ = 0;
};

} // namespace unpaired::reachability

#endif
