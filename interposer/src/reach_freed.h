// Finds blocks that were freed past our hooks (dlsym on the C library, for example): glibc has them on a free list,
// or has reused or released their memory.
#pragma once

#include "ledger.h"
#include "reach_layout.h"

namespace unpaired {

/// Retires the slots of such blocks as released unseen, and removes the blocks from the layout's items, which are
/// sorted. Does nothing if malloc is not glibc's own. Skips blocks that a thread frees meanwhile through our hooks.
void retire_freed_unseen(OwnMemory &memory, Layout &layout, Thread &thread);

} // namespace unpaired
