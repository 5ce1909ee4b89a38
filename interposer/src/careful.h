// Code that runs in this memory without thread-local storage of its own: a child of clone(2) with CLONE_VM, or a thread
// that the program made by clone. What stands at the thread pointer is another thread's, or was never set up (Chromium's
// sandbox gives its child a page of zeroes). While there may be such code, no event takes a fast path, and each asks the
// kernel first which thread it is.
#pragma once

#include "state.h"

namespace unpaired {

/// Before a clone(2) with these flags. Returns whether the recorder is careful from now on for its sake.
bool begin_care(unsigned long clone_flags);
/// The child is gone, or there is none.
void end_care();
/// In a forked child there is nothing but the thread that forked.
void forget_care();

/// Whether the running code has thread-local storage of its own. While nothing is to be careful about, it has.
bool find_own_storage();
inline bool has_own_storage()
{
    return UNPAIRED_LIKELY(process.phase != Phase::carefully) || find_own_storage();
}

/// Takes back what the ended child `pid` did to the recorder's state.
void forget_foreign_process(int pid);

} // namespace unpaired
