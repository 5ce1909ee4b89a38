// Code that runs in this memory without thread-local storage of its own: a child of clone(2) with CLONE_VM, or a thread
// that the program made by clone. The thread pointer leads to another thread's data, or to data that was never set up
// (Chromium's sandbox gives its child a page of zeroes). While there may be such code, no event takes a fast path, and each asks the
// kernel first which thread it is.
#pragma once

#include "state.h"

namespace unpaired {

/// Prepares for a clone(2) with these flags. Returns true if end_care() is due.
bool begin_care(unsigned long clone_flags);
/// Ends one begin_care(): the child has ended, or clone failed.
void end_care();
/// In a forked child there is nothing but the thread that forked.
void forget_care();

/// Returns true if the running code has thread-local storage of its own. It has, unless the phase is `carefully`.
bool find_own_storage();
inline bool has_own_storage()
{
    return UNPAIRED_LIKELY(process.phase != Phase::carefully) || find_own_storage();
}

/// Takes back what the ended child `pid` did to the recorder's state.
void forget_foreign_process(int pid);

} // namespace unpaired
