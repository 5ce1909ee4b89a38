// Heap blocks in the memory of a Linux process, told by the tag at the end of each (owner_tag.h), and what lies
// between them. Knows glibc's heap: chunks of (previous size, size | flags, block), see malloc/malloc.c.
#pragma once

#include "input/memory_image.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace unpaired {

struct TaggedBlock {
    uint64_t address = 0, size = 0; ///< size asked for
    uint64_t chunk = 0, chunk_end = 0;
    uint32_t owner = 0, slot = 0;
    uint64_t site = 0; ///< return address of the call
};

struct HeapTags {
    std::vector<TaggedBlock> live;                      ///< by ascending address
    std::vector<std::pair<uint64_t, uint64_t>> free;    ///< memory of arenas that nobody uses
    std::vector<std::pair<uint64_t, uint64_t>> other;   ///< in use, without a tag: from before the recording
    std::vector<std::pair<uint64_t, uint64_t>> unclear; ///< in an arena, but no chunk that makes sense
};

/// Scans the anonymous writable memory: at each place where a block may begin the size before it tells where its
/// tag must be, and the tag's check word, keyed by the block's address, decides. Then walks the arenas that tags
/// were found in from chunk to chunk.
HeapTags scan_heap_tags(const MemoryImage &memory);

/// The tag of a block of which only address and size are known, of any allocator: looked for behind its end.
std::optional<TaggedBlock> find_tag(const MemoryImage &memory, uint64_t block, uint64_t size);

} // namespace unpaired
