// From the address of a heap block to its slot, for blocks whose tag is missing or cannot be read safely. Lock-free, and
// usable in signal handlers.
#pragma once

#include "state.h"

namespace unpaired::heap_index {

/// Enters a published slot under the address of its block. Returns the live slot that was entered under this address
/// before, or 0: the allocator hands out the block again, so the release of that slot was not seen. `ok` is false if
/// there was no memory for the entry.
uint32_t enter(uint64_t block, uint32_t slot, bool &ok);

/// Finds the slot of a block and removes its entry. 0 if there is none. One of two racing calls gets it.
uint32_t take(uint64_t block);

/// Finds the slot of a block and leaves its entry in place. 0 if there is none.
uint32_t find(uint64_t block);

/// In a forked child: removes all entries. They are the parent's.
void forget();

} // namespace unpaired::heap_index
