// A concurrent, insert-only table from 64-bit hashes to 32-bit numbers. Grows by adding a larger level; nothing is
// ever moved, so readers and writers take no lock and may be interrupted anywhere.
#pragma once

#include "state.h"

namespace unpaired {

class InternTable {
public:
    /// The number stored under `key`, or 0.
    uint32_t find(uint64_t key) const
    {
        for (unsigned l = load(levels_, __ATOMIC_ACQUIRE); l-- > 0;) {
            const Entry *entries = entries_[l];
            const uint64_t mask = size_of(l) - 1;
            for (uint64_t i = key & mask;; i = (i + 1) & mask) {
                const uint64_t found = load(entries[i].key, __ATOMIC_ACQUIRE);
                if (found == key)
                    if (const uint32_t number = load(entries[i].number, __ATOMIC_ACQUIRE); number != 0)
                        return number;
                if (found == 0)
                    break;
            }
        }
        return 0;
    }

    /// Stores it. Two threads may store the same key at once; then either is found later. False: no memory.
    bool insert(uint64_t key, uint32_t number)
    {
        for (;;) {
            const unsigned l = load(levels_, __ATOMIC_ACQUIRE);
            if (l != 0 && load(used_[l - 1]) < size_of(l - 1) * 3 / 4) {
                Entry *entries = entries_[l - 1];
                const uint64_t mask = size_of(l - 1) - 1;
                add(used_[l - 1], 1u);
                for (uint64_t i = key & mask, n = 0; n <= mask; i = (i + 1) & mask, n++) {
                    uint64_t none = 0;
                    if (__atomic_compare_exchange_n(&entries[i].key, &none, key, false, __ATOMIC_ACQ_REL,
                                                    __ATOMIC_ACQUIRE)) {
                        store(entries[i].number, number, __ATOMIC_RELEASE);
                        return true;
                    }
                }
                continue;
            }
            if (l == most_levels)
                return false;
            auto *fresh = static_cast<Entry *>(sys::anonymous(size_of(l) * sizeof(Entry)));
            if (fresh == nullptr)
                return false;
            Entry *none = nullptr;
            if (__atomic_compare_exchange_n(&entries_[l], &none, fresh, false, __ATOMIC_ACQ_REL,
                                            __ATOMIC_ACQUIRE)) {
                store(levels_, l + 1, __ATOMIC_RELEASE);
            } else {
                sys::call(SYS_munmap, sys::of(fresh), static_cast<long>(size_of(l) * sizeof(Entry)));
            }
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
    struct Entry {
        uint64_t key;
        uint32_t number;
    };
    static constexpr unsigned most_levels = 8;
    static constexpr uint64_t size_of(unsigned level) { return uint64_t{1024} << (2 * level); }

    Entry *entries_[most_levels];
    uint32_t used_[most_levels];
    unsigned levels_;
};

} // namespace unpaired
