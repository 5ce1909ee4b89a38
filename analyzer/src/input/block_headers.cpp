#include "input/block_headers.h"

#include "unpaired/owner_tag.h"

namespace unpaired {
namespace {

constexpr uint64_t alignment = 4; // of the least aligned allocators

class Scanner {
public:
    explicit Scanner(uint16_t sites) : sites_(sites) {}

    void look_at(const uint8_t *bytes, uint64_t block, uint64_t region_end)
    {
        unpaired_block_header header;
        std::memcpy(&header, bytes, sizeof header);
        if (header.check == 0 && header.owner == 0 && header.size == 0)
            return; // most of a RAM image
        const auto key = static_cast<uint32_t>(block);
        const auto site = static_cast<uint16_t>(header.site & UNPAIRED_HEADER_SITE_MASK);
        if (header.check == unpaired_header_check(header.owner, header.size, header.site, key)) {
            const uint64_t size = header.size & UNPAIRED_HEADER_SIZE_MASK;
            if (site > sites_ || size > region_end - block)
                return;
            found.live.push_back({block, size, header.owner, site,
                                  unpaired_sequence_unpack(header.site >> UNPAIRED_HEADER_SITE_BITS),
                                  size == UNPAIRED_HEADER_SIZE_MASK});
        } else if (site <= sites_ && header.check == unpaired_header_check_released(header.site, key)) {
            found.released.push_back(block);
        }
    }

    BlockHeaders found;

private:
    const uint16_t sites_;
};

} // namespace

BlockHeaders scan_block_headers(const MemoryImage &memory, uint16_t sites)
{
    constexpr uint64_t piece = 1 << 20;
    Scanner scanner(sites);
    std::vector<uint8_t> buffer(piece + UNPAIRED_HEADER_SIZE);
    for (const MemoryImage::Region &region : memory.regions()) {
        if (!region.writable)
            continue;
        const uint64_t first = (region.start + alignment - 1) / alignment * alignment;
        for (uint64_t at = first; at < region.end; at += piece) {
            const auto wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), region.end - at));
            const size_t got = memory.copy(at, buffer.data(), wanted);
            for (size_t i = 0; i < piece && i + UNPAIRED_HEADER_SIZE <= got; i += alignment)
                scanner.look_at(&buffer[i], at + i + UNPAIRED_HEADER_SIZE, region.end);
        }
    }
    return std::move(scanner.found);
}

} // namespace unpaired
