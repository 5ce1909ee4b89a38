// How `unpaired record` stores a trace: zstd frames with checksums, each described behind it (docs/trace-format.md).
#pragma once

#include "unpaired/trace_format.h"

#include <cstdint>

namespace unpaired {

/// Behind each part: a skippable frame of zstd, so that any zstd unpacks a stored trace.
struct PartDescription {
    uint32_t skippable_magic; ///< skippable
    uint32_t skippable_size;  ///< bytes that follow
    char tag[8];              ///< part_tag
    uint64_t offset;          ///< of the part in the trace
    uint32_t length;          ///< of the part in the trace
    uint32_t packed;          ///< bytes of the zstd frame that ends where this begins
    uint64_t check;           ///< XXH64 of all before
};

/// Behind the last part.
struct StoredEnd {
    uint32_t skippable_magic;
    uint32_t skippable_size;
    char tag[8];   ///< end_tag
    uint64_t size; ///< of the trace
    uint8_t
        header[256]; ///< the beginning of the file header once more: the part that holds it may be damaged
    uint64_t check;  ///< XXH64 of all before
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
