// What the hooks of the heap do around the real call: record and tag a fresh block; find a block that is released, and
// retire its slot.
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

/// The same where nothing is out of the ordinary, so that nothing need be made ready for the real call, and blocks are
/// tagged; nullptr: ask enter_heap().
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

/// How a block is found when it is released.
enum class Kept : uint8_t {
    by_tag,     ///< the real call was asked for UNPAIRED_TRAILER_SIZE bytes more, for the tag
    by_address, ///< the block is as the program asked for it; none of its memory is read or written
};

/// Records a fresh block of `size` bytes, as the program asked for them.
void acquired(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
              size_t size, Kept kept);
/// The same after enter_plainly(), by tag.
void acquired_plainly(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
                      size_t size);

/// Everything a release does before the real call, for an allocator whose blocks are tagged. `block` may be any address:
/// only the word before it is read unchecked, as glibc's free, realloc and malloc_usable_size do first (malloc/malloc.c).
void release(Thread &thread, const Caller &caller, unsigned function, void *block);
/// The same for an allocator whose blocks are not tagged. Reads no memory at `block`.
void release_by_address(Thread &thread, const Caller &caller, unsigned function, void *block);

/// A block that was taken out of the record because it may move.
struct Taken {
    uint32_t slot = 0;               ///< claimed, or 0
    size_t usable = 0;               ///< 0: not known
    unpaired_trailer *tag = nullptr; ///< where its tag was before it was wiped
    unpaired_trailer kept;           ///< that tag
    bool indexed = false;            ///< it was entered by its address
};
void take_block(Taken &taken, Thread &thread, const Caller &caller, unsigned function, void *block,
                Kept kept);
/// The block stays as it was.
void put_back(Thread &thread, const Caller &caller, const Taken &taken);
/// The block was released, or moved to `now`.
void retire_taken(Thread &thread, const Caller &caller, unsigned function, const Taken &taken,
                  const void *block, const void *now);

/// Returns true if the block of `usable` bytes, as the real malloc_usable_size() says, ends with a live tag.
bool is_tagged(void *block, size_t usable);

} // namespace unpaired
