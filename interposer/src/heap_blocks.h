// The heap hooks' work around the real call: record and tag a fresh block; find a block that is released, and retire
// its slot.
#pragma once

#include "recorder.h"
#include "tag.h"

namespace unpaired {

/// Returns the thread to record for, or nullptr if the hook must pass the call on unrecorded.
inline Thread *enter_heap(const Caller &caller)
{
    Thread *thread = enter(caller.sp);
    if (thread == nullptr || UNPAIRED_UNLIKELY(process.heap_untouched) || inside_allocator(*thread, caller))
        return nullptr;
    return thread;
}

/// Does the same on the fast path: no preparation for the real call is needed, and blocks are tagged. Returns nullptr
/// if the caller must use enter_heap().
inline Thread *enter_plainly()
{
    if (UNPAIRED_UNLIKELY(!process.plain_heap))
        return nullptr; // `self` may be another thread's, or not exist
    Thread *thread = self;
    if (UNPAIRED_UNLIKELY(thread == nullptr || load(*fork_witness) == 0 || thread->busy_sp != 0 ||
                          thread->enclosing.mode != Enclosure::none ||
                          thread->names_seen != load(process.names)))
        return nullptr;
    return thread;
}

/// How a block is found when it is released.
enum class Kept : uint8_t {
    by_tag,     ///< the hook requests UNPAIRED_TRAILER_SIZE more bytes from the real function, for the tag
    by_address, ///< the block has the size that the program requested; the recorder neither reads nor writes it
};

/// Records a fresh block. `size` is the number of bytes that the program requested.
void acquired(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
              size_t size, Kept kept);
/// Does the same after enter_plainly(), for a block that is found by its tag.
void acquired_plainly(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
                      size_t size);

/// Records the release of a block before the real call, for an allocator whose blocks are tagged. `block` may be any
/// address: only the word before it is read unchecked, as glibc's free, realloc and malloc_usable_size do first
/// (malloc/malloc.c).
void release(Thread &thread, const Caller &caller, unsigned function, void *block);
/// Does the same for an allocator whose blocks are not tagged. Reads no memory at `block`.
void release_by_address(Thread &thread, const Caller &caller, unsigned function, void *block);

/// A block that is out of the record while realloc may move it.
struct Taken {
    uint32_t slot = 0;               ///< the claimed slot, or 0
    size_t usable = 0;               ///< 0: not known
    unpaired_trailer *tag = nullptr; ///< address of its tag, which is wiped
    unpaired_trailer kept;           ///< copy of that tag from before
    bool indexed = false;            ///< it was in heap_index
};
void take_block(Taken &taken, Thread &thread, const Caller &caller, unsigned function, void *block,
                Kept kept);
/// Restores the record of a block that realloc left in place.
void put_back(Thread &thread, const Caller &caller, const Taken &taken);
/// Retires the record of a block that realloc released, or moved to `now`.
void retire_taken(Thread &thread, const Caller &caller, unsigned function, const Taken &taken,
                  const void *block, const void *now);

/// Returns true if the block ends with a live tag. `usable` is the result of the real malloc_usable_size().
bool is_tagged(void *block, size_t usable);

} // namespace unpaired
