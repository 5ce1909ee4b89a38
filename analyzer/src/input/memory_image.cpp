#include "input/memory_image.h"

namespace unpaired {

void MemoryImage::add(Region region)
{
    // cut out what is covered: the rest is at most one piece between each two regions
    std::vector<Region> pieces;
    uint64_t at = region.start;
    const auto keep = [&](uint64_t start, uint64_t end) {
        if (start >= end)
            return;
        Region piece = region;
        piece.start = start;
        piece.end = end;
        piece.offset = region.offset + (start - region.start);
        pieces.push_back(std::move(piece));
    };
    auto known = std::lower_bound(regions_.begin(), regions_.end(), region.start,
                                  [](const Region &r, uint64_t start) { return r.end <= start; });
    for (; known != regions_.end() && known->start < region.end; ++known) {
        keep(at, known->start);
        at = known->end;
    }
    keep(at, region.end);
    for (Region &piece : pieces) {
        auto place = std::lower_bound(regions_.begin(), regions_.end(), piece.start,
                                      [](const Region &r, uint64_t start) { return r.start < start; });
        regions_.insert(place, std::move(piece));
    }
}

const MemoryImage::Region *MemoryImage::region_at(uint64_t address) const
{
    auto after = std::upper_bound(regions_.begin(), regions_.end(), address,
                                  [](uint64_t wanted, const Region &r) { return wanted < r.start; });
    if (after == regions_.begin() || address >= std::prev(after)->end)
        return nullptr;
    return &*std::prev(after);
}

size_t MemoryImage::copy(uint64_t address, void *to, size_t length) const
{
    size_t done = 0;
    while (done < length) {
        const Region *region = region_at(address + done);
        if (region == nullptr)
            break;
        const uint64_t inside = address + done - region->start;
        const auto wanted =
            static_cast<size_t>(std::min<uint64_t>(length - done, region->end - region->start - inside));
        const size_t got =
            region->bytes->copy(region->offset + inside, static_cast<uint8_t *>(to) + done, wanted);
        done += got;
        if (got < wanted)
            break;
    }
    return done;
}

std::optional<uint64_t> MemoryImage::word(uint64_t address, unsigned size) const
{
    uint64_t value = 0; // the analyzer's own machine is little-endian, see trace_format.h
    if (copy(address, &value, size) < size)
        return std::nullopt;
    return value;
}

} // namespace unpaired
