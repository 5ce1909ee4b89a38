// Supports code that runs in this memory without thread-local storage of its own: a child of clone(2) with CLONE_VM,
// or a thread that the program made by clone. Its thread pointer leads to another thread's data, or to data that was
// never set up (Chromium's sandbox gives its child a page of zeroes). While such code may exist, no event takes a
// fast path, and each event first asks the kernel for the number of its thread.
#pragma once

#include "state.h"

namespace unpaired {

/// Prepares for a clone(2) with these flags. Returns true if the caller must call end_care() later.
bool begin_care(unsigned long clone_flags);
/// Ends one begin_care(), after the child has ended or clone has failed.
void end_care();
/// Resets the state in a forked child, where only the thread that forked exists.
void forget_care();

/// Returns true if the running code has thread-local storage of its own. Always true unless the phase is `carefully`.
bool find_own_storage();
inline bool has_own_storage()
{
    return UNPAIRED_LIKELY(process.phase != Phase::carefully) || find_own_storage();
}

/// Undoes the changes that the child `pid`, which has ended, made to the recorder's state.
void forget_foreign_process(int pid);

} // namespace unpaired
