// The format of a trace that `unpaired record` stores: zstd frames with checksums, each followed by its description
// (docs/trace-format.md).
#pragma once

#include "unpaired/trace_format.h"

#include <cstdint>

namespace unpaired {

/// Follows each part. A skippable frame of zstd, so that any zstd unpacks a stored trace.
struct PartDescription {
    uint32_t skippable_magic; ///< skippable
    uint32_t skippable_size;  ///< bytes that follow
    char tag[8];              ///< part_tag
    uint64_t offset;          ///< of the part in the trace
    uint32_t length;          ///< of the part in the trace
    uint32_t packed;          ///< bytes of the zstd frame that ends at the start of this
    uint64_t check;           ///< XXH64 of all before
};

/// Follows the last part.
struct StoredEnd {
    uint32_t skippable_magic;
    uint32_t skippable_size;
    char tag[8];         ///< end_tag
    uint64_t size;       ///< of the trace
    uint8_t header[256]; ///< copy of the file header's start, since the part with it may be damaged
    uint64_t check;      ///< XXH64 of all before
};

constexpr uint32_t skippable = 0x184d2a50;
constexpr char part_tag[8] = {'u', 'n', 'p', '-', 'p', 'a', 'r', 't'};
constexpr char end_tag[8] = {'u', 'n', 'p', '-', 'e', 'n', 'd', '.'};
constexpr uint32_t part_bytes = 1 << 20;        ///< of the trace in a part
constexpr uint32_t most_part_bytes = 4 << 20;   ///< that a reader accepts
constexpr uint32_t most_packed_bytes = 5 << 20; ///< that a reader accepts

static_assert(sizeof(PartDescription) == 40);
static_assert(sizeof(StoredEnd) == 288);

} // namespace unpaired
