// The records of LOG extents.
#pragma once

#include "input/model.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace unpaired {

/// What stood between the records of a log.
struct LogGaps {
    uint64_t damaged_bytes = 0;    ///< neither records nor zeros
    uint64_t unfinished_bytes = 0; ///< reserved, never finished: the writer died or is still at it
    uint64_t undecodable = 0;      ///< intact records whose content makes no sense
    uint64_t unknown = 0;          ///< of a type that a later version added
    uint64_t places = 0;           ///< runs of damaged bytes
    LogGaps &operator+=(const LogGaps &other);
};

/// Decodes the records in `words` (an extent without its header, as 32-bit words) into `trace`. After damage
/// it goes on at the next 8-byte boundary where an intact record begins. `used` is the number of bytes the
/// writers had reserved; zeros behind it are no gap.
LogGaps read_log(std::span<const uint32_t> words, uint64_t used, Trace &trace);

} // namespace unpaired
