// Blocks of memory in a RAM image, told by the header before each (owner_tag.h).
#pragma once

#include "input/memory_image.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace unpaired {

struct HeaderedBlock {
    uint64_t address = 0, size = 0;
    uint32_t owner = 0;
    uint16_t site = 0; ///< 0: found no room
    uint32_t sequence = 0;
    bool size_cut = false; ///< it is `size` bytes or more
    uint64_t end() const { return address + size; }
};

struct BlockHeaders {
    std::vector<HeaderedBlock> live; ///< by ascending address; may enclose each other
    std::vector<uint64_t> released;  ///< addresses of blocks that were given back, ascending
};

/// Scans the writable memory. A header counts if its check word, which is keyed by the block's address, is right,
/// its size lies within its region, and its site is at most `sites`: copies of headers elsewhere do not.
BlockHeaders scan_block_headers(const MemoryImage &memory, uint16_t sites);

} // namespace unpaired
