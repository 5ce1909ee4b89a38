// From handles to slots, for every space but the heap, whose blocks carry their slot in the tag.
#pragma once

#include "state.h"

namespace unpaired::index {

// ---- descriptors: an array, exchanged atomically; from signal handlers too -------------------------------------

/// What was known of a descriptor: a slot, live or the last one retired under this number.
struct Descriptor {
    uint32_t slot = 0;
    bool retired = false;
};
Descriptor descriptor(int fd);
/// Enters a slot and returns what stood there; `ok` is false if there was no memory for it.
Descriptor enter_descriptor(int fd, uint32_t slot, bool &ok);
/// Marks the entry retired and returns what stood there.
Descriptor retire_descriptor(int fd);
/// Undoes a retirement, unless somebody has entered another slot since.
void restore_descriptor(int fd, uint32_t slot);

/// The first descriptor from `first` to `last` that has a live entry, or −1.
int next_descriptor(unsigned first, unsigned last);

// ---- other handles: hash chains through the slots' `next`, each bucket under a lock that is held for a few
// instructions and given up on after a while (a signal handler may have interrupted its holder) -------------------

/// Enters a live slot under its space and handle. False: not indexed, its release will go unseen.
bool enter(uint32_t slot);
/// Finds, and takes out, the youngest slot under the handle; 0 if there is none.
uint32_t take(unsigned space, uint64_t handle);
/// Finds it and leaves it in place; 0 if there is none.
uint32_t find(unsigned space, uint64_t handle);

/// Takes out one in-place object that lies in [from, from + size); 0 if there is none.
uint32_t take_in_place_within(uint64_t from, uint64_t size);

/// Whether it may find something there. One look when there is nothing near.
inline bool in_place_near(uint64_t from, uint64_t size);

// ---- ranges: an array of live mappings sorted by address ------------------------------------------------------------

bool enter_range(uint32_t slot);
/// Takes out one slot that overlaps [from, from + size); 0 if there is none.
uint32_t take_range_within(uint64_t from, uint64_t size);

/// In a forked child: what is inherited is not in the child's index.
void forget();

// ---- how ------------------------------------------------------------------------------------------------------------

inline constexpr unsigned bucket_bits = 14, buckets = 1u << bucket_bits;
struct Chains {
    uint32_t head[buckets];
    uint8_t lock[buckets];
};
extern Chains
    *by_page; ///< IN_PLACE: hashed by page, so that what lies in freed memory can be found; made when needed

inline unsigned page_bucket(uint64_t page)
{
    return static_cast<unsigned>((page * 0x9e3779b97f4a7c15ull) >> (64 - bucket_bits));
}

inline bool in_place_near(uint64_t from, uint64_t size)
{
    const Chains *table = load(by_page, __ATOMIC_ACQUIRE);
    if (UNPAIRED_LIKELY(table == nullptr))
        return false;
    const uint64_t page = from >> 12;
    return page != (from + size) >> 12 || load(table->head[page_bucket(page)]) != 0;
}

} // namespace unpaired::index
