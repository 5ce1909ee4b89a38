// What the hooks of the heap do around the real call: a fresh block is recorded and tagged, one that goes is retired.
#pragma once

#include "recorder.h"
#include "tag.h"

namespace unpaired {

/// The thread to record for; nullptr: hand the call on as it is.
inline Thread *enter_heap(const Caller &caller)
{
    Thread *thread = enter(caller.sp);
    if (thread == nullptr || UNPAIRED_UNLIKELY(process.heap_untouched) || inside_allocator(*thread, caller))
        return nullptr;
    return thread;
}

/// The same where nothing is out of the ordinary, so that nothing need be made ready for the real call; nullptr: ask
/// enter_heap().
inline Thread *enter_plainly()
{
    if (UNPAIRED_UNLIKELY(!process.plain_heap))
        return nullptr; // `self` may be another thread's, or not be there
    Thread *thread = self;
    if (UNPAIRED_UNLIKELY(thread == nullptr || load(*fork_witness) == 0 || thread->busy_sp != 0 ||
                          thread->enclosing.mode != Enclosure::none ||
                          thread->names_seen != load(process.names)))
        return nullptr;
    return thread;
}

/// Records and tags a fresh block of `size` bytes, as the program asked for them; the block has room for the tag.
void acquired(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
              size_t size);
/// The same after enter_plainly().
void acquired_plainly(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
                      size_t size);

/// Everything a release does before the real call. The block may be anybody's.
void release(Thread &thread, const Caller &caller, unsigned function, void *block);
/// ... when its tag says that it was released before, or says nothing.
void released_twice(Thread &thread, const Caller &caller, unsigned function, void *block,
                    const unpaired_trailer &tag);
void release_untagged(Thread &thread, const Caller &caller, unsigned function, void *block);

/// malloc_usable_size() of a block of the real allocator.
size_t usable_size(void *block);

} // namespace unpaired
