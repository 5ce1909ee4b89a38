// Finds the record of a heap block that is being released, from its address: by the tag at its end, or by heap_index.
//
// A tag is only read if the read cannot fault. The word before the block is readable, since glibc itself reads it
// first. So is the rest of that word's page, and so is all memory below the program break. Blocks of other arenas
// whose tag lies in another page are entered in heap_index, under their address. For everything else the kernel
// copies the tag.
#pragma once

#include "program_break.h"
#include "recorder.h"
#include "tag.h"

namespace unpaired {

inline constexpr uint64_t smallest_page = 4096;

/// Returns the word before a block, where glibc keeps the size of its chunk. Faults if the word is not readable.
inline uint64_t chunk_word_of(const void *block)
{
    auto at = reinterpret_cast<uint64_t>(block) - sizeof(uint64_t);
#if defined(__aarch64__)
    at &= ~uint64_t{0} >> 8; // a memory tag colours the block, not the word (glibc.mem.tagging)
#endif
    return *reinterpret_cast<const volatile uint64_t *>(at);
}

/// Returns the usable size of a chunk with this size word, whose lowest three bits are flags. Bit 1: the chunk has a
/// mapping of its own (malloc/malloc.c: mchunk_size, IS_MMAPPED).
inline size_t size_by(uint64_t word)
{
    return (word & ~uint64_t{7}) - ((word & 2) != 0 ? 2 * sizeof word : sizeof word);
}

/// Returns true if the tag of a block of this size lies in the page of the word before the block, or below the break.
inline bool tag_is_near(const void *block, size_t usable)
{
    const auto at = reinterpret_cast<uint64_t>(block);
    return UNPAIRED_LIKELY(((at - sizeof(uint64_t)) ^ (at + usable - 1)) < smallest_page) ||
           program_break::is_below(at, at + usable);
}

/// Returns true if the tag's position can be read. `usable` is the size by the word before the block: that word is
/// readable, but it may have any value.
inline bool tag_is_readable(const void *block, size_t usable)
{
    return static_cast<int64_t>(usable) >= int64_t{UNPAIRED_TRAILER_SIZE} && tag_is_near(block, usable);
}

/// Reads the tag through the kernel. Returns an empty Tag if its position is not readable or holds no tag, or while
/// the program filters its system calls.
Tag read_tag_carefully(void *block, size_t usable);

/// The record of a block that is being released.
struct Found {
    Tag tag;              ///< its address is null if the tag's position is not known
    uint32_t slot = 0;    ///< of a live block; 0: no slot
    bool live = false;    ///< the block was recorded and not released yet
    bool indexed = false; ///< it was in heap_index; find_… has removed the entry
    bool damaged = false; ///< it is live, and its tag was overwritten
};

/// Finds a block that has no live tag where one can be read directly. `usable` is the size by the word before the
/// block, which the caller has read. `near` is the tag that the caller has read, if tag_is_readable().
Found find_otherwise(void *block, size_t usable, const Tag &near);

/// Finds a block without a read that can fault: it belongs to an allocator whose blocks are not tagged, or it is one
/// of the C library's that reached an operator delete other than the C++ runtime's.
Found find_without_reading(void *block);

} // namespace unpaired
