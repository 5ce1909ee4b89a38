#include "index.h"

#include "ledger.h"

#include <cstring>
#include <sys/mman.h>

namespace unpaired::index {

Chains *by_page;

namespace {

constexpr unsigned leaf_bits = 10, leaf_size = 1u << leaf_bits;
constexpr unsigned root_size = 1024; // descriptors up to 2^20, the kernel's default fs.nr_open
constexpr uint32_t retired_bit = 0x80000000u;

constexpr unsigned patience = 1u << 20; // tries for a bucket whose holder may never come back

uint32_t *leaves[root_size];

Chains *by_handle; // hashed by handle

uint32_t *ranges;
uint32_t n_ranges, ranges_room, ranges_lock;

template <class Lock> bool acquire(Lock &lock)
{
    for (unsigned tries = 0; __atomic_exchange_n(&lock, Lock{1}, __ATOMIC_ACQUIRE) != 0;)
        if (++tries > patience)
            return false;
    return true;
}
template <class Lock> void release(Lock &lock) { __atomic_store_n(&lock, Lock{0}, __ATOMIC_RELEASE); }

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

Chains *chains_of(Chains *&chains, bool make)
{
    Chains *table = load(chains, __ATOMIC_ACQUIRE);
    if (table == nullptr && make) {
        auto *fresh = static_cast<Chains *>(sys::anonymous(sizeof(Chains)));
        if (fresh == nullptr)
            return nullptr;
        if (__atomic_compare_exchange_n(&chains, &table, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            table = fresh;
        else
            sys::call(SYS_munmap, sys::of(fresh), sizeof(Chains));
    }
    return table;
}

bool in_place(unsigned space) { return kind_of_space[space] == UNPAIRED_KIND_IN_PLACE; }

unsigned bucket_of(unsigned space, uint64_t handle)
{
    return in_place(space) ? page_bucket(handle >> 12)
                           : static_cast<unsigned>(mix(handle, space) >> 32 & (buckets - 1));
}

/// Walks a bucket's chain and takes out the first slot that `wanted` accepts.
template <class Wanted> uint32_t unlink(Chains *table, unsigned bucket, bool keep, Wanted wanted)
{
    if (load(table->head[bucket]) == 0 || !acquire(table->lock[bucket]))
        return 0;
    uint32_t *link = &table->head[bucket];
    uint32_t found = 0;
    while (*link != 0) {
        unpaired_slot &slot = *slot_at(*link);
        if (wanted(slot)) {
            found = *link;
            if (!keep)
                *link = slot.next;
            break;
        }
        link = &slot.next;
    }
    release(table->lock[bucket]);
    return found;
}

uint32_t look_up(unsigned space, uint64_t handle, bool keep)
{
    Chains *table = chains_of(in_place(space) ? by_page : by_handle, false);
    if (table == nullptr)
        return 0;
    return unlink(table, bucket_of(space, handle), keep,
                  [&](const unpaired_slot &slot) { return slot.handle == handle && slot.space == space; });
}

/// Index of the first range that ends above `address`.
uint32_t first_above(uint64_t address)
{
    uint32_t low = 0, high = n_ranges;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        const unpaired_slot &slot = *slot_at(ranges[middle]);
        if (slot.handle + slot.size <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

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

bool enter(uint32_t reference)
{
    unpaired_slot &slot = *slot_at(reference);
    Chains *table = chains_of(in_place(slot.space) ? by_page : by_handle, true);
    if (table == nullptr)
        return false;
    const unsigned bucket = bucket_of(slot.space, slot.handle);
    if (!acquire(table->lock[bucket]))
        return false;
    slot.next = table->head[bucket];
    store(table->head[bucket], reference);
    release(table->lock[bucket]);
    return true;
}

uint32_t take(unsigned space, uint64_t handle) { return look_up(space, handle, false); }
uint32_t find(unsigned space, uint64_t handle) { return look_up(space, handle, true); }

uint32_t take_in_place_within(uint64_t from, uint64_t size)
{
    Chains *table = load(by_page, __ATOMIC_ACQUIRE);
    if (UNPAIRED_LIKELY(table == nullptr))
        return 0;
    const auto wanted = [&](const unpaired_slot &slot) { return slot.handle - from < size; };
    const uint64_t first = from >> 12, last = (from + (size != 0 ? size - 1 : 0)) >> 12;
    if (last - first >= buckets) {
        for (unsigned bucket = 0; bucket < buckets; bucket++)
            if (const uint32_t slot = unlink(table, bucket, false, wanted); slot != 0)
                return slot;
        return 0;
    }
    for (uint64_t page = first; page <= last; page++)
        if (const uint32_t slot = unlink(table, page_bucket(page), false, wanted); slot != 0)
            return slot;
    return 0;
}

bool enter_range(uint32_t reference)
{
    if (!acquire(ranges_lock))
        return false;
    if (n_ranges == ranges_room) {
        const uint32_t room = ranges_room == 0 ? 1024 : ranges_room * 2;
        long at;
        if (ranges == nullptr)
            at = sys::of(sys::anonymous(room * sizeof(uint32_t)));
        else
            at = sys::call(SYS_mremap, sys::of(ranges), ranges_room * sizeof(uint32_t),
                           room * sizeof(uint32_t), MREMAP_MAYMOVE);
        if (at == 0 || (at < 0 && at > -4096)) {
            release(ranges_lock);
            return false;
        }
        ranges = reinterpret_cast<uint32_t *>(at);
        ranges_room = room;
    }
    const uint32_t at = first_above(slot_at(reference)->handle);
    memmove(ranges + at + 1, ranges + at, (n_ranges - at) * sizeof(uint32_t));
    ranges[at] = reference;
    n_ranges++;
    release(ranges_lock);
    return true;
}

uint32_t take_range_within(uint64_t from, uint64_t size)
{
    if (load(n_ranges) == 0 || !acquire(ranges_lock))
        return 0;
    uint32_t found = 0;
    const uint32_t at = first_above(from);
    if (at < n_ranges && slot_at(ranges[at])->handle < from + size) {
        found = ranges[at];
        n_ranges--;
        memmove(ranges + at, ranges + at + 1, (n_ranges - at) * sizeof(uint32_t));
    }
    release(ranges_lock);
    return found;
}

void forget()
{
    for (uint32_t *&leaf : leaves)
        if (leaf != nullptr)
            memset(leaf, 0, leaf_size * sizeof(uint32_t));
    for (Chains *table : {by_handle, by_page})
        if (table != nullptr)
            memset(table, 0, sizeof *table);
    n_ranges = 0;
    ranges_lock = 0;
}

} // namespace unpaired::index
