// Stacks met before, found again by a hash of the words an unwinder would read: for programs whose stacks jump about,
// where the last stack (last_stack.h) is no help and stepping frame by frame waits for each word to find the next.
#pragma once

#include "state.h"

namespace unpaired {

/// The hash of the stack at `caller`, if it was remembered under this generation of the unwind rules; else false. `last` is
/// the calling thread's. Reads only the thread's own stack, between frames that the thread walked before. Takes no lock.
bool find_path(const Caller &caller, uint32_t generation, const LastStack &last, uint64_t &hash);

/// Remembers the outermost `depth` states of the stack that `last` holds, which was walked whole; they begin at `caller`
/// and have that hash. False: nothing was learnt, for there is no room, or another thread is at it.
bool remember_path(const Caller &caller, uint32_t depth, LastStack &last, uint64_t hash);

/// In a forked child: another thread of the parent may have been adding a path.
void release_path_lock();
/// Releases the lock after a signal handler left this thread's insertion by longjmp. `sp` is the stack pointer of the
/// caller of the hook that was left.
void release_path_lock_below(uint64_t sp);

} // namespace unpaired
