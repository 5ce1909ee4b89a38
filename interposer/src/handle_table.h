// A table of live slots by 64-bit keys, without locks: each change is one compare-and-swap of one word. So no thread
// waits for another, and a signal handler may interrupt any function here, call any function here, and leave by
// longjmp.
//
// The table is a sequence of levels, each with twice as many lines as the one before. A key has one line in each
// level. A slot is entered in the first of these lines that has a free place. A line counts the entries that passed
// it because it was full; a search ends at the first line that no entry passed.
#pragma once

#include "state.h"

namespace unpaired {

class HandleTable {
public:
    /// The first level has 2^first_bits lines.
    constexpr explicit HandleTable(unsigned first_bits) : first_bits_(first_bits) {}

    /// An entry of a live slot, and the slot's sequence.
    struct Found {
        uint32_t slot = 0; ///< 0: none
        uint32_t sequence = 0;
        uint64_t key = 0;
        unsigned level = 0;
        uint64_t *place = nullptr;
        uint64_t word = 0;
    };

    /// Enters a slot that is live, or about to become live, under a key. Returns false if no memory is left.
    bool enter(uint64_t key, uint32_t slot)
    {
        const uint32_t sequence = load(slot_at(slot)->sequence) | 1;
        const uint64_t word =
            uint64_t{slot} | uint64_t{use_of_sequence(sequence)} << 32 | uint64_t{tag_of_key(key)} << 48;
        Line *line = line_of(key, 0);
        return (UNPAIRED_LIKELY(line != nullptr) && put(*line, word)) || enter_beyond(key, word);
    }

    /// Calls `visit(const Found &, const unpaired_slot &)` for each live slot under the key until it returns true.
    /// Removes entries whose slots were released and used again without `remove`.
    template <class Visit> bool each(uint64_t key, Visit visit)
    {
        for (unsigned level = 0; level < most_levels; level++) {
            Line *line = line_of(key, level);
            if (line == nullptr)
                return false;
            for (uint64_t &place : line->place)
                if (uint64_t word = load(place, __ATOMIC_ACQUIRE);
                    word != 0 && tag_of(word) == tag_of_key(key))
                    if (visit_place({0, 0, key, level, &place, word}, visit))
                        return true;
            if (load(line->beyond, __ATOMIC_ACQUIRE) == 0)
                return false;
        }
        return false;
    }

    /// Claims the first live slot under the key that has this handle and space, and removes its entry. Returns 0 if
    /// it finds no such slot.
    uint32_t take(uint64_t key, uint64_t handle, unsigned space)
    {
        for (unsigned level = 0; level < most_levels; level++) {
            Line *line = line_of(key, level);
            if (line == nullptr)
                return 0;
            for (uint64_t &place : line->place) {
                const uint64_t word = load(place, __ATOMIC_ACQUIRE);
                if (word == 0 || tag_of(word) != tag_of_key(key))
                    continue;
                unpaired_slot &slot = *slot_at(slot_of(word));
                uint32_t sequence = load(slot.sequence, __ATOMIC_ACQUIRE);
                if (is_live_use(sequence, word) && load(slot.handle) == handle && load(slot.space) == space &&
                    __atomic_compare_exchange_n(&slot.sequence, &sequence, sequence + 1, false,
                                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
                    remove_claimed({0, 0, key, level, &place, word});
                    return slot_of(word);
                }
                remove_if_stale({0, 0, key, level, &place, word});
            }
            if (load(line->beyond, __ATOMIC_ACQUIRE) == 0)
                return 0;
        }
        return 0;
    }

    /// Does the same as each() for all keys. `key_of(slot)` returns the key under which a slot was entered.
    template <class KeyOf, class Visit> bool each_of_all(KeyOf key_of, Visit visit)
    {
        for (unsigned level = 0; level < most_levels; level++) {
            Line *lines = load(levels_[level], __ATOMIC_ACQUIRE);
            if (lines == nullptr)
                continue;
            for (uint64_t i = 0; i < lines_in(level); i++)
                for (uint64_t &place : lines[i].place)
                    if (uint64_t word = load(place, __ATOMIC_ACQUIRE); word != 0) {
                        const unpaired_slot &slot = *slot_at(slot_of(word));
                        if (visit_place({0, 0, key_of(slot), level, &place, word}, visit))
                            return true;
                    }
        }
        return false;
    }

    /// Removes an entry. Returns false if another thread removed it before.
    bool remove(const Found &entry);
    /// Removes an entry whose slot the caller has claimed: no other thread removes it.
    void remove_claimed(const Found &entry)
    {
        store(*entry.place, uint64_t{0}, __ATOMIC_RELEASE);
        if (entry.level != 0)
            count_passed(entry, entry.level);
    }

    /// Returns the number of lines that a search for all keys reads.
    uint64_t lines() const;

    /// Empties the table in a forked child. Does not free the memory.
    void forget();

private:
    static constexpr unsigned most_levels = 14, places = 7;
    struct alignas(64) Line {
        uint64_t beyond; ///< number of entries in higher levels because this line was full; may be too high
        uint64_t place[places];
    };
    static_assert(sizeof(Line) == 64, "one line of the cache");

    // A word holds the slot, then the lower half of the number of its present use, then bits of the key: most entries
    // of other keys are rejected without a read of their slots.
    static constexpr uint32_t slot_of(uint64_t word) { return static_cast<uint32_t>(word); }
    static constexpr uint16_t use_of(uint64_t word) { return static_cast<uint16_t>(word >> 32); }
    static constexpr uint16_t tag_of(uint64_t word) { return static_cast<uint16_t>(word >> 48); }
    static constexpr uint16_t tag_of_key(uint64_t key) { return static_cast<uint16_t>(key); }
    /// Returns the number of the use, which is the same while the slot is live and after it was claimed.
    static constexpr uint16_t use_of_sequence(uint32_t sequence)
    {
        return static_cast<uint16_t>((sequence - 1) >> 1);
    }
    static constexpr bool is_live_use(uint32_t sequence, uint64_t word)
    {
        return (sequence & 1) != 0 && use_of_sequence(sequence) == use_of(word);
    }
    uint64_t lines_in(unsigned level) const { return uint64_t{1} << (first_bits_ + level); }

    Line *line_of(uint64_t key, unsigned level) const
    {
        Line *lines = load(levels_[level], __ATOMIC_ACQUIRE);
        return lines != nullptr ? lines + (key >> (64 - first_bits_ - level)) : nullptr;
    }

    template <class Visit> bool visit_place(Found found, Visit visit)
    {
        const unpaired_slot &slot = *slot_at(slot_of(found.word));
        found.sequence = load(slot.sequence, __ATOMIC_ACQUIRE);
        if (!is_live_use(found.sequence, found.word)) {
            remove_if_stale(found);
            return false;
        }
        found.slot = slot_of(found.word);
        return visit(found, slot);
    }
    /// Puts an entry into a free place. Returns false if the line is full.
    static bool put(Line &line, uint64_t word)
    {
        for (uint64_t &place : line.place) {
            uint64_t free = 0;
            if (load(place) == 0 &&
                __atomic_compare_exchange_n(&place, &free, word, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
                return true;
        }
        return false;
    }
    bool enter_beyond(uint64_t key, uint64_t word);
    /// Removes an entry whose slot was used again: the thread that claimed the slot left by longjmp in between.
    void remove_if_stale(const Found &entry);
    /// Lowers the counts of the lines that a removed entry had passed in the levels before this one.
    void count_passed(const Found &entry, unsigned level);

    const unsigned first_bits_;
    Line *levels_[most_levels] = {};
};

} // namespace unpaired
