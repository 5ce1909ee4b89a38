#include "index.h"

#include "handle_table.h"
#include "ledger.h"

#include <cstring>

namespace unpaired::index {

uint32_t *in_place_on_page;

namespace {

constexpr unsigned leaf_bits = 10, leaf_size = 1u << leaf_bits;
constexpr unsigned root_size = 1024; // descriptors up to 2^20, the kernel's default fs.nr_open
constexpr uint32_t retired_bit = 0x80000000u;

uint32_t *leaves[root_size];

constexpr unsigned table_bits = 10, ranges_bits = 6;
constinit HandleTable table{table_bits};   // of handles and in-place objects
constinit HandleTable ranges{ranges_bits}; // of mappings; few lines, since a search may read all

uint32_t *entry_of(int fd, bool make)
{
    if (fd < 0 || static_cast<unsigned>(fd) >= leaf_size * root_size)
        return nullptr;
    uint32_t *&root = leaves[static_cast<unsigned>(fd) >> leaf_bits];
    uint32_t *leaf = load(root, __ATOMIC_ACQUIRE);
    if (leaf == nullptr) {
        if (!make)
            return nullptr;
        auto *fresh = static_cast<uint32_t *>(sys::anonymous(leaf_size * sizeof(uint32_t)));
        if (fresh == nullptr)
            return nullptr;
        if (__atomic_compare_exchange_n(&root, &leaf, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            leaf = fresh;
        else
            sys::call(SYS_munmap, sys::of(fresh), leaf_size * sizeof(uint32_t));
    }
    return &leaf[static_cast<unsigned>(fd) & (leaf_size - 1)];
}

Descriptor decode(uint32_t word) { return {word & ~retired_bit, (word & retired_bit) != 0}; }

// ---- keys --------------------------------------------------------------------------------------------------------

bool in_place(unsigned space) { return kind_of_space[space] == UNPAIRED_KIND_IN_PLACE; }

/// In-place objects are found by the piece of memory in which they begin.
constexpr unsigned piece_bits = 8;

uint64_t key_of_handle(unsigned space, uint64_t handle) { return mix(handle, space); }
uint64_t key_of_piece(uint64_t address) { return mix(address >> piece_bits, 0); }

// The class of a mapping is the exponent of the smallest power of two that is not smaller than the mapping. Memory is
// divided into cells of that size, and a mapping is entered under the cell in which it begins. So each mapping of a
// class that overlaps a piece of memory begins in one of the piece's cells, or in the cell before them.
constexpr unsigned classes = 64;
uint32_t ranges_of_class[classes];
uint64_t classes_seen; // bit n is set once a mapping of class n was entered

unsigned class_of(uint64_t size)
{
    const unsigned bits = size > 1 ? 64 - static_cast<unsigned>(__builtin_clzll(size - 1)) : 0;
    return bits < classes ? bits : classes - 1;
}
uint64_t key_of_cell(unsigned of_class, uint64_t cell) { return mix(cell, uint64_t{of_class} << 56); }

uint64_t key_of_range(const unpaired_slot &slot)
{
    const unsigned of_class = class_of(load(slot.size));
    return key_of_cell(of_class, load(slot.handle) >> of_class);
}
uint64_t key_of(const unpaired_slot &slot)
{
    const unsigned space = load(slot.space);
    const uint64_t handle = load(slot.handle);
    return in_place(space) ? key_of_piece(handle) : key_of_handle(space, handle);
}

// ---- counts that save looks -----------------------------------------------------------------------------------------

uint32_t *make_page_counts()
{
    uint32_t *counts = nullptr;
    auto *fresh = static_cast<uint32_t *>(sys::anonymous(page_counts * sizeof(uint32_t)));
    if (fresh == nullptr)
        return nullptr;
    if (__atomic_compare_exchange_n(&in_place_on_page, &counts, fresh, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return fresh;
    sys::call(SYS_munmap, sys::of(fresh), page_counts * sizeof(uint32_t));
    return counts;
}

/// Returns the count of in-place objects on the page of the handle, or nullptr if no memory is left.
inline uint32_t *page_count(uint64_t handle)
{
    uint32_t *counts = load(in_place_on_page, __ATOMIC_ACQUIRE);
    if (UNPAIRED_UNLIKELY(counts == nullptr)) {
        counts = make_page_counts();
        if (counts == nullptr)
            return nullptr;
    }
    return &counts[page_count_of(handle >> 12)];
}

/// Lowers the count after an object was removed.
inline void count_gone(uint64_t handle) { __atomic_fetch_sub(page_count(handle), 1u, __ATOMIC_ACQ_REL); }

void count_range(uint64_t size, uint32_t change)
{
    const unsigned of_class = class_of(size);
    if ((load(classes_seen) >> of_class & 1) == 0)
        __atomic_fetch_or(&classes_seen, uint64_t{1} << of_class, __ATOMIC_ACQ_REL);
    __atomic_fetch_add(&ranges_of_class[of_class], change, __ATOMIC_ACQ_REL);
}

// A handler that leaves by longjmp between count and entry leaves the count too high, which costs searches.
constexpr uint32_t one_less = ~0u;

// ---- searches ---------------------------------------------------------------------------------------------------------

/// Claims the slot of an entry and removes the entry. Returns false if another thread claimed it before.
bool take_entry(const HandleTable::Found &entry)
{
    uint32_t sequence = entry.sequence;
    unpaired_slot &slot = *slot_at(entry.slot);
    if (!__atomic_compare_exchange_n(&slot.sequence, &sequence, sequence + 1, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return false;
    table.remove_claimed(entry);
    if (in_place(slot.space))
        count_gone(slot.handle);
    return true;
}

/// Returns the youngest live slot under the handle. A handle may be acquired several times.
HandleTable::Found youngest(unsigned space, uint64_t handle)
{
    HandleTable::Found found;
    uint32_t order = 0;
    const uint64_t key = in_place(space) ? key_of_piece(handle) : key_of_handle(space, handle);
    table.each(key, [&](const HandleTable::Found &entry, const unpaired_slot &slot) {
        if (load(slot.handle) != handle || load(slot.space) != space)
            return false;
        const uint32_t this_order = load(slot.next);
        if (found.slot == 0 || static_cast<int32_t>(this_order - order) > 0) {
            found = entry;
            order = this_order;
        }
        return kind_of_space[space] != UNPAIRED_KIND_COUNTED;
    });
    return found;
}

/// Removes the entry of one mapping that overlaps [from, to), and claims the mapping if it lies inside.
struct TakeRange {
    uint64_t from, to;
    uint32_t &taken;

    bool operator()(const HandleTable::Found &entry, const unpaired_slot &slot) const
    {
        const uint64_t start = load(slot.handle), size = load(slot.size), end = start + size;
        if (start >= to || end <= from || (start >= from && end <= to && !claim(*slot_at(entry.slot))) ||
            !ranges.remove(entry))
            return false;
        count_range(size, one_less);
        taken = entry.slot;
        return true;
    }
};

} // namespace

Descriptor descriptor(int fd)
{
    const uint32_t *entry = entry_of(fd, false);
    return entry != nullptr ? decode(load(*entry, __ATOMIC_ACQUIRE)) : Descriptor{};
}

Descriptor enter_descriptor(int fd, uint32_t slot, bool &ok)
{
    uint32_t *entry = entry_of(fd, true);
    ok = entry != nullptr;
    return ok ? decode(__atomic_exchange_n(entry, slot, __ATOMIC_ACQ_REL)) : Descriptor{};
}

Descriptor retire_descriptor(int fd)
{
    uint32_t *entry = entry_of(fd, false);
    return entry != nullptr ? decode(__atomic_fetch_or(entry, retired_bit, __ATOMIC_ACQ_REL)) : Descriptor{};
}

void retire_descriptor_of(int fd, uint32_t slot)
{
    uint32_t expected = slot;
    if (uint32_t *entry = entry_of(fd, false))
        __atomic_compare_exchange_n(entry, &expected, slot | retired_bit, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED);
}

int next_descriptor(unsigned first, unsigned last)
{
    constexpr unsigned end = leaf_size * root_size - 1;
    for (unsigned fd = first, to = last < end ? last : end; fd <= to; fd++) {
        const uint32_t *leaf = load(leaves[fd >> leaf_bits], __ATOMIC_ACQUIRE);
        if (leaf == nullptr) {
            fd |= leaf_size - 1;
            continue;
        }
        const Descriptor known = decode(load(leaf[fd & (leaf_size - 1)], __ATOMIC_ACQUIRE));
        if (known.slot != 0 && !known.retired)
            return static_cast<int>(fd);
    }
    return -1;
}

void restore_descriptor(int fd, uint32_t slot)
{
    uint32_t expected = slot | retired_bit;
    if (uint32_t *entry = entry_of(fd, false))
        __atomic_compare_exchange_n(entry, &expected, slot, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

bool enter(uint32_t reference, uint32_t &replaced)
{
    static uint32_t orders;
    unpaired_slot &slot = *slot_at(reference);
    const unsigned space = slot.space;
    const uint64_t handle = slot.handle;
    replaced = 0;
    if (kind_of_space[space] == UNPAIRED_KIND_COUNTED) {
        store(slot.next, add(orders, 1u));
        return table.enter(key_of_handle(space, handle), reference);
    }
    if (!in_place(space)) {
        const uint64_t key = key_of_handle(space, handle);
        replaced = table.take(key, handle, space);
        return table.enter(key, reference);
    }
    uint32_t *count = page_count(handle);
    if (UNPAIRED_UNLIKELY(count == nullptr))
        return false;
    const uint64_t key = key_of_piece(handle);
    if (__atomic_fetch_add(count, 1u, __ATOMIC_ACQ_REL) != 0)
        replaced = table.take(key, handle, space);
    if (replaced != 0)
        count_gone(handle);
    if (UNPAIRED_LIKELY(table.enter(key, reference)))
        return true;
    count_gone(handle);
    return false;
}

bool enter_again(uint32_t reference)
{
    const unpaired_slot &slot = *slot_at(reference);
    if (in_place(slot.space))
        if (uint32_t *count = page_count(slot.handle); count != nullptr)
            __atomic_fetch_add(count, 1u, __ATOMIC_ACQ_REL);
    return table.enter(key_of(slot), reference);
}

bool enter_range(uint32_t reference)
{
    const unpaired_slot &slot = *slot_at(reference);
    count_range(slot.size, 1);
    if (ranges.enter(key_of_range(slot), reference))
        return true;
    count_range(slot.size, one_less);
    return false;
}

uint32_t take(unsigned space, uint64_t handle)
{
    if (in_place(space)) {
        if (!in_place_near(handle, 0))
            return 0;
        const uint32_t taken = table.take(key_of_piece(handle), handle, space);
        if (taken != 0)
            count_gone(handle);
        return taken;
    }
    if (kind_of_space[space] != UNPAIRED_KIND_COUNTED)
        return table.take(key_of_handle(space, handle), handle, space);
    for (;;) {
        const HandleTable::Found found = youngest(space, handle);
        if (found.slot == 0 || take_entry(found))
            return found.slot;
    }
}
uint32_t find(unsigned space, uint64_t handle) { return youngest(space, handle).slot; }

uint32_t take_in_place_within(uint64_t from, uint64_t size)
{
    const uint32_t *counts = load(in_place_on_page, __ATOMIC_ACQUIRE);
    if (UNPAIRED_LIKELY(counts == nullptr))
        return 0;
    uint32_t taken = 0;
    const auto take_it = [&](const HandleTable::Found &entry, const unpaired_slot &slot) {
        if (!in_place(load(slot.space)) || load(slot.handle) - from >= size || !take_entry(entry))
            return false;
        taken = entry.slot;
        return true;
    };
    const uint64_t last = from + (size != 0 ? size - 1 : 0);
    if ((last >> 12) - (from >> 12) >= page_counts) {
        table.each_of_all(key_of, take_it);
        return taken;
    }
    constexpr uint64_t pieces_of_page = 1u << (12 - piece_bits);
    for (uint64_t piece = from >> piece_bits; piece <= last >> piece_bits; piece++) {
        if (load(counts[page_count_of(piece >> (12 - piece_bits))]) == 0)
            piece |= pieces_of_page - 1; // no object on this page
        else if (table.each(key_of_piece(piece << piece_bits), take_it))
            return taken;
    }
    return 0;
}

uint32_t take_range_within(uint64_t from, uint64_t size)
{
    uint32_t taken = 0;
    const uint64_t to = from + size < from ? UINT64_MAX : from + size;
    if (from >= to)
        return 0;
    const TakeRange take_it{from, to, taken};
    const auto first_cell = [&](unsigned k) { return (from >> k) - (from >> k != 0 ? 1 : 0); };
    const auto next_class = [&](uint64_t &left) {
        const auto k = static_cast<unsigned>(__builtin_ctzll(left));
        left &= left - 1;
        return k;
    };
    const uint64_t seen = load(classes_seen, __ATOMIC_ACQUIRE);
    uint64_t cells = 0;
    for (uint64_t left = seen; left != 0;)
        if (const unsigned k = next_class(left); load(ranges_of_class[k], __ATOMIC_ACQUIRE) != 0)
            cells += ((to - 1) >> k) - first_cell(k) + 1;
    if (cells > ranges.lines()) {
        ranges.each_of_all(key_of_range, take_it);
        return taken;
    }
    for (uint64_t left = seen; left != 0;)
        if (const unsigned k = next_class(left); load(ranges_of_class[k], __ATOMIC_ACQUIRE) != 0)
            for (uint64_t cell = first_cell(k); cell <= (to - 1) >> k; cell++)
                if (ranges.each(key_of_cell(k, cell), take_it))
                    return taken;
    return 0;
}

void forget()
{
    for (uint32_t *&leaf : leaves)
        if (leaf != nullptr)
            memset(leaf, 0, leaf_size * sizeof(uint32_t));
    table.forget();
    ranges.forget();
    in_place_on_page = nullptr;
    for (uint32_t &n : ranges_of_class)
        n = 0;
}

} // namespace unpaired::index
