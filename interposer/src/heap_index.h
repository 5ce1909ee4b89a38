// Finds the slot of a heap block by the block's address, for blocks whose tag is missing or cannot be read safely.
// Lock-free, and usable in signal handlers.
#pragma once

#include "state.h"

namespace unpaired::heap_index {

/// Enters a published slot under the address of its block. Returns the live slot that was entered under this address
/// before, or 0. Such a slot's release was not seen, since the allocator has returned the address again. Sets `ok` to
/// false if no memory was left for the entry.
uint32_t enter(uint64_t block, uint32_t slot, bool &ok);

/// Returns the slot of a block and removes its entry. Returns 0 if the block has no entry. Of two racing calls, one
/// gets the slot.
uint32_t take(uint64_t block);

/// Returns the slot of a block and leaves its entry in place. Returns 0 if the block has no entry.
uint32_t find(uint64_t block);

/// Removes all entries in a forked child: they are the parent's.
void forget();

} // namespace unpaired::heap_index
