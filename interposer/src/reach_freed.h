// Blocks that were freed by calls that went past our hooks (RTLD_DEEPBIND, dlsym on the C library): glibc has them on a
// free list, or gave their memory away again.
#pragma once

#include "ledger.h"
#include "reach_layout.h"

namespace unpaired {

/// Retires the slots of such blocks as released unseen, and takes the blocks out of the layout's items, which are sorted.
/// Only where malloc is glibc's own. Blocks that a thread frees meanwhile through our hooks are left alone.
void retire_freed_unseen(OwnMemory &memory, Layout &layout, Thread &thread);

} // namespace unpaired
