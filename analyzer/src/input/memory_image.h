// The memory of a device or process, by address: what RAM files, the segments of a core and the read-only parts
// of ELF files say together.
#pragma once

#include "input/bytes.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace unpaired {

/// Memory made of regions that need not touch. Of two regions that overlap, what was added first counts.
class MemoryImage {
public:
    /// Addresses `start` to `end` - 1, whose bytes stand at `offset` of `bytes`.
    struct Region {
        uint64_t start = 0, end = 0;
        std::shared_ptr<const Bytes> bytes;
        uint64_t offset = 0;
        bool writable = true, executable = false;
        std::string file; ///< what is mapped there; "" for memory of no file
    };

    /// Adds a region; the parts of it that are covered already, and an empty one, are left out.
    void add(Region region);

    /// Without overlap, by ascending address.
    const std::vector<Region> &regions() const { return regions_; }

    /// The region that covers the address, or null.
    const Region *region_at(uint64_t address) const;

    /// Copies up to `length` bytes from `address` on, over the border of regions that touch; returns how many
    /// there were.
    size_t copy(uint64_t address, void *to, size_t length) const;

    /// A value of trivial type, if all of its bytes are there.
    template <class Value> std::optional<Value> get(uint64_t address) const
    {
        Value value;
        if (copy(address, &value, sizeof value) < sizeof value)
            return std::nullopt;
        return value;
    }

    /// An unsigned number of `size` bytes (4 or 8), little-endian.
    std::optional<uint64_t> word(uint64_t address, unsigned size) const;

    /// Calls `visit(address, bytes, length)` for the memory from `start` to `end` - 1 in pieces, ascending; what
    /// is not there is left out. Pieces end at multiples of 64 KiB, or where the memory does.
    template <class Visit> void each_piece(uint64_t start, uint64_t end, Visit visit) const
    {
        constexpr uint64_t piece = 64 * 1024;
        std::vector<uint64_t> buffer(piece / sizeof(uint64_t));
        for (const Region &region : regions_) {
            if (region.end <= start || region.start >= end)
                continue;
            const uint64_t last = std::min(end, region.end);
            for (uint64_t at = std::max(start, region.start); at < last;) {
                const uint64_t next = std::min(last, (at / piece + 1) * piece);
                const size_t got = region.bytes->copy(region.offset + (at - region.start), buffer.data(),
                                                      static_cast<size_t>(next - at));
                if (got > 0)
                    visit(at, reinterpret_cast<const uint8_t *>(buffer.data()), got);
                at = next;
            }
        }
    }

private:
    std::vector<Region> regions_;
};

} // namespace unpaired
