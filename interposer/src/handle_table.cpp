#include "handle_table.h"

namespace unpaired {

bool HandleTable::enter_beyond(uint64_t key, uint64_t word)
{
    for (unsigned level = 0; level < most_levels; level++) {
        if (load(levels_[level], __ATOMIC_ACQUIRE) == nullptr) {
            const auto bytes = static_cast<size_t>(lines_in(level) * sizeof(Line));
            auto *fresh = static_cast<Line *>(sys::anonymous(bytes));
            Line *none = nullptr;
            if (fresh != nullptr && !__atomic_compare_exchange_n(&levels_[level], &none, fresh, false,
                                                                 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
                sys::call(SYS_munmap, sys::of(fresh), static_cast<long>(bytes));
        }
        Line *line = line_of(key, level);
        if (line != nullptr && put(*line, word))
            return true;
        if (line == nullptr || level + 1 == most_levels) {
            count_passed({0, 0, key, level, nullptr, 0}, level);
            return false;
        }
        __atomic_fetch_add(&line->beyond, uint64_t{1}, __ATOMIC_ACQ_REL);
    }
    return false;
}

bool HandleTable::remove(const Found &entry)
{
    uint64_t word = entry.word;
    if (!__atomic_compare_exchange_n(entry.place, &word, uint64_t{0}, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return false;
    count_passed(entry, entry.level);
    return true;
}

void HandleTable::count_passed(const Found &entry, unsigned level)
{
    while (level-- > 0)
        __atomic_fetch_sub(&line_of(entry.key, level)->beyond, uint64_t{1}, __ATOMIC_ACQ_REL);
}

void HandleTable::remove_if_stale(const Found &entry)
{
    // A slot that is about to become live, or is claimed, is not stale: its thread makes it live or removes the
    // entry.
    const uint32_t sequence = load(slot_at(slot_of(entry.word))->sequence, __ATOMIC_ACQUIRE);
    if (use_of_sequence(sequence) == use_of(entry.word) ||
        ((sequence & 1) == 0 && use_of_sequence(sequence + 1) == use_of(entry.word)))
        return;
    // The counts of the lines before stay as they are: a search in all lines has the key of the slot's present use
    // only. A count that is too high costs a search one more line.
    uint64_t word = entry.word;
    __atomic_compare_exchange_n(entry.place, &word, uint64_t{0}, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

uint64_t HandleTable::lines() const
{
    uint64_t sum = 0;
    for (unsigned level = 0; level < most_levels; level++)
        if (load(levels_[level]) != nullptr)
            sum += lines_in(level);
    return sum;
}

void HandleTable::forget()
{
    for (Line *&level : levels_)
        level = nullptr;
}

} // namespace unpaired
