// REACH extents: what memory held when somebody looked.
#pragma once

#include "input/bytes.h"
#include "input/model.h"

#include <cstdint>
#include <span>
#include <unordered_map>

namespace unpaired {

/// Gathers the entries of all looks; of a slot the latest one's counts.
class ReachReader {
public:
    /// `content`: an extent without its header, as 32-bit words; `used`: how many entries it says it has.
    void add(std::span<const uint32_t> content, uint32_t used, uint16_t image, Trace &trace);

    /// Fills Trace::held, once the slots are there by ascending reference. An entry counts only while its slot has
    /// the sequence it is about. Retired slots, which a Trace does not have, are read from `input`, the whole file.
    void settle(Trace &trace, const Bytes &input) const;

private:
    struct Entry {
        unpaired_reach raw;
        uint32_t time_ms = 0;
    };
    std::unordered_map<uint32_t, Entry> entries_; // by slot
};

} // namespace unpaired
