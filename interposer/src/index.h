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
/// Marks the entry retired if it belongs to this slot.
void retire_descriptor_of(int fd, uint32_t slot);
/// Undoes a retirement, unless somebody has entered another slot since.
void restore_descriptor(int fd, uint32_t slot);

/// The first descriptor from `first` to `last` that has a live entry, or −1.
int next_descriptor(unsigned first, unsigned last);

// ---- other handles: a table without locks (handle_table.h); from signal handlers too -----------------------------
//
// Functions that take a slot claim it (ledger.h) before they remove its entry. So a live slot always has an entry,
// even if a signal handler leaves by longjmp in between.

/// Enters a slot that is live, or about to become live, under its space and handle. Sets `replaced` to the live slot
/// that had this entry before, which it claims and removes, or to 0; always 0 if a handle can be acquired several
/// times. Returns false if no memory is left: the release of the slot will not be seen.
bool enter(uint32_t slot, uint32_t &replaced);
/// Enters a slot again that was removed and is live again.
bool enter_again(uint32_t slot);
/// Claims the youngest slot under the handle and removes its entry. Returns 0 if it finds no slot.
uint32_t take(unsigned space, uint64_t handle);
/// Returns the youngest slot under the handle and leaves its entry in place. Returns 0 if it finds no slot.
uint32_t find(unsigned space, uint64_t handle);

/// Claims one in-place object that lies in [from, from + size) and removes its entry. Returns 0 if it finds no
/// object.
uint32_t take_in_place_within(uint64_t from, uint64_t size);

/// Returns true if take_in_place_within() may find an object. Reads one count if no object is near.
inline bool in_place_near(uint64_t from, uint64_t size);

/// Enters the slot of a mapping. Returns false if no memory is left.
bool enter_range(uint32_t slot);
/// Removes the entry of one mapping that overlaps [from, from + size), and returns its slot, or 0 if it finds none.
/// Claims a mapping that lies inside; one that extends beyond the range stays live, since its head or tail remains.
uint32_t take_range_within(uint64_t from, uint64_t size);

/// Empties the index in a forked child: inherited slots are the parent's.
void forget();

// ---- how ------------------------------------------------------------------------------------------------------------

inline constexpr unsigned page_count_bits = 14, page_counts = 1u << page_count_bits;
/// Counts of in-place objects by page; several pages share a count. Allocated when the first object is entered.
extern uint32_t *in_place_on_page;

inline unsigned page_count_of(uint64_t page)
{
    return static_cast<unsigned>((page * 0x9e3779b97f4a7c15ull) >> (64 - page_count_bits));
}

inline bool in_place_near(uint64_t from, uint64_t size)
{
    const uint32_t *counts = load(in_place_on_page, __ATOMIC_ACQUIRE);
    if (UNPAIRED_LIKELY(counts == nullptr))
        return false;
    const uint64_t page = from >> 12;
    return page != (from + size) >> 12 || load(counts[page_count_of(page)]) != 0;
}

} // namespace unpaired::index
