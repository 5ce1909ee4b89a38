// The chunks of an arena of glibc's heap, told apart: blocks with a live tag (owner_tag.h), blocks that nobody tagged,
// and what is free. C++, freestanding; memory is read through the caller's functions. Not used by firmware.
// A chunk is (size of the one before if that is free, size | flags, block); see malloc/malloc.c.
#ifndef UNPAIRED_HEAP_CHUNKS_H
#define UNPAIRED_HEAP_CHUNKS_H

#include "unpaired/owner_tag.h"

#include <stdint.h>

namespace unpaired::heap_chunks {

inline constexpr uint64_t header = 16, alignment = 16, smallest = 32;
inline constexpr uint64_t previous_in_use = 1, is_mapped = 2, flags = 7;

enum class Use { live, free, other, unclear };
enum class Tag { none, live, released };

inline Tag state_of(const unpaired_trailer &tag, uint64_t block)
{
    if (tag.check == 0)
        return Tag::none; // a check word is odd
    if (tag.check == unpaired_trailer_check(&tag, block, UNPAIRED_TAG_LIVE))
        return Tag::live;
    return tag.check == unpaired_trailer_check(&tag, block, UNPAIRED_TAG_RELEASED) ? Tag::released
                                                                                   : Tag::none;
}

/// Whether a chunk at `chunk` may have this size word, in memory that ends at `end`.
inline bool plausible(uint64_t size, uint64_t chunk, uint64_t end)
{
    const uint64_t length = size & ~flags;
    return length >= smallest && length % alignment == 0 && length <= end - chunk;
}

/// The size asked for, as the tag has it, of a block of `usable` bytes; more than `usable` less the tag if it
/// cannot be.
inline uint64_t size_asked(const unpaired_trailer &tag, uint64_t usable)
{
    return tag.size == UINT32_MAX ? usable - sizeof tag : tag.size;
}

/// Goes from chunk to chunk, from `start` on; where that leads astray, on from the next chunk that is known.
///
/// `Memory` has `bool get(uint64_t address, Value &value)` for uint64_t and unpaired_trailer. `next_known(at)` is
/// the first chunk at or behind `at` that is certainly one, or `end`. `visit(use, from, to, tag)` is called for each
/// chunk, ascending; `tag` is the trailer of a live one, else null.
template <class Memory, class NextKnown, class Visit>
void walk(Memory &memory, uint64_t start, uint64_t end, NextKnown next_known, Visit visit)
{
    for (uint64_t at = start; at + header < end;) {
        const uint64_t known = next_known(at), limit = known > at ? known : end;
        uint64_t size = 0, next_size = 0;
        if (!memory.get(at + 8, size) || !plausible(size, at, limit)) {
            const uint64_t on = known > at ? known : end;
            visit(Use::unclear, at, on, static_cast<const unpaired_trailer *>(nullptr));
            at = on;
            continue;
        }
        const uint64_t next = at + (size & ~flags), block = at + header, usable = next - at - 8;
        unpaired_trailer tag;
        Tag state = Tag::none;
        if (usable >= sizeof tag && memory.get(block + usable - sizeof tag, tag))
            state = state_of(tag, block);
        if (state == Tag::live && size_asked(tag, usable) <= usable - sizeof tag) {
            visit(Use::live, at, next, static_cast<const unpaired_trailer *>(&tag));
        } else {
            // The last chunk is what the arena has left. Of the others the next one says whether it is used, but for
            // those that wait in a list of the thread to be used again: these have a tag that was wiped.
            const bool used = next < end && memory.get(next + 8, next_size) &&
                              (next_size & previous_in_use) != 0 && state != Tag::released;
            visit(used ? Use::other : Use::free, at, next, static_cast<const unpaired_trailer *>(nullptr));
        }
        at = next;
    }
}

} // namespace unpaired::heap_chunks

#endif
