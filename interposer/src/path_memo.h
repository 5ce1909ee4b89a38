// Stacks met before, found again by the words an unwinder would read: for programs whose stacks jump about, where the
// last stack (last_stack.h) is no help and stepping frame by frame mispredicts at each.
#pragma once

#include "state.h"

namespace unpaired {

/// The hash of the stack at `caller`, if it was remembered under this generation of the unwind rules; else false. Reads
/// what an unwinder of that stack would read, in its order, and nothing once a word differs. Takes no lock.
bool find_path(const Caller &caller, uint32_t generation, uint64_t &hash);

/// Remembers the stack that `last` holds, which was walked whole from `caller` and has that hash. Gives up when there is no
/// room, or when another thread is at it.
void remember_path(const Caller &caller, const LastStack &last, uint64_t hash);

/// In a forked child: another thread of the parent may have been adding a path.
void release_path_lock();

} // namespace unpaired
