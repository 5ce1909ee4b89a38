// The walk by frame pointers, for programs built with them (--walk=frame-pointers): two loads a frame, and no table.
#pragma once

#include "walk.h"

namespace unpaired {

/// Makes hash_stack() of this thread come here, if that is what was asked for: a thread begins, its stack is not known yet.
void begin_thread_walks(LastStack &last);

/// The stack at `caller` by its frame pointers, or a hash of it; false if the caller does not run on the thread's own stack
/// (a coroutine's, a signal handler's alternate one): then the rules must tell. In a program without frame pointers the
/// stack is short, but no word is read that is not there. No system call but for the first events of a thread and when its
/// stack has become twice as deep; no lock; safe in signal handlers.
bool stack_by_frame_pointers(const Caller &caller, LastStack &last, Stack &stack);
bool hash_by_frame_pointers(const Caller &caller, LastStack &last, uint64_t &hash);

} // namespace unpaired
