// A concurrent, insert-only table from 64-bit hashes to 32-bit numbers. Grows by adding a larger level; nothing is
// ever moved, so readers and writers take no lock and may be interrupted anywhere.
#pragma once

#include "state.h"

namespace unpaired {

/// `KeyOf` tells the key of a number, which its owner keeps anyway: an entry here has half of it.
template <uint64_t (*KeyOf)(uint32_t number)> class InternTable {
public:
    /// The number stored under `key`, or 0.
    uint32_t find(uint64_t key) const
    {
        for (unsigned l = load(levels_, __ATOMIC_ACQUIRE); l-- > 0;) {
            const uint64_t *entries = load(entries_[l]);
            const uint64_t mask = size_of(l) - 1;
            for (uint64_t i = key & mask;; i = (i + 1) & mask) {
                const uint64_t found = load(entries[i], __ATOMIC_ACQUIRE);
                if (found == 0)
                    break;
                const auto number = static_cast<uint32_t>(found);
                if (found >> 32 == key >> 32 && KeyOf(number) == key)
                    return number;
            }
        }
        return 0;
    }

    /// Stores a number that is not 0, under what `KeyOf` tells of it from now on. Two threads may store the same key at
    /// once; then either is found later. False: no memory.
    bool insert(uint32_t number)
    {
        const uint64_t key = KeyOf(number), entry = key >> 32 << 32 | number;
        for (;;) {
            const unsigned l = load(levels_, __ATOMIC_ACQUIRE);
            if (l != 0 && load(used_[l - 1]) < size_of(l - 1) * 3 / 4) {
                uint64_t *entries = load(entries_[l - 1]);
                const uint64_t mask = size_of(l - 1) - 1;
                add(used_[l - 1], 1u);
                for (uint64_t i = key & mask, n = 0; n <= mask; i = (i + 1) & mask, n++) {
                    uint64_t none = 0;
                    if (__atomic_compare_exchange_n(&entries[i], &none, entry, false, __ATOMIC_ACQ_REL,
                                                    __ATOMIC_ACQUIRE))
                        return true;
                }
                continue;
            }
            if (l == most_levels)
                return false;
            auto *fresh = static_cast<uint64_t *>(sys::anonymous(size_of(l) * sizeof(uint64_t)));
            if (fresh == nullptr)
                return false;
            uint64_t *none = nullptr;
            if (!__atomic_compare_exchange_n(&entries_[l], &none, fresh, false, __ATOMIC_ACQ_REL,
                                             __ATOMIC_ACQUIRE))
                sys::call(SYS_munmap, sys::of(fresh), static_cast<long>(size_of(l) * sizeof(uint64_t)));
            // By whoever comes to it: who made the level may have been interrupted, and left by longjmp.
            unsigned before = l;
            __atomic_compare_exchange_n(&levels_, &before, l + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        }
    }

    void forget() // a forked child starts its own; the memory stays behind
    {
        for (unsigned l = 0; l < most_levels; l++) {
            entries_[l] = nullptr;
            used_[l] = 0;
        }
        levels_ = 0;
    }

private:
    static constexpr unsigned most_levels = 14;
    static constexpr uint64_t size_of(unsigned level) { return uint64_t{1024} << level; }

    uint64_t *entries_[most_levels]; ///< the upper half of a key, and its number; 0: empty
    uint32_t used_[most_levels];
    unsigned levels_;
};

} // namespace unpaired
