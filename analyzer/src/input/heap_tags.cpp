#include "input/heap_tags.h"

#include "unpaired/owner_tag.h"

#include <algorithm>

namespace unpaired {
namespace {

constexpr uint64_t chunk_header = 16, alignment = 16, smallest_chunk = 32;
constexpr uint64_t previous_in_use = 1, is_mapped = 2, flags = 7;
constexpr uint64_t cut_size = 0xffffffff;

using Range = std::pair<uint64_t, uint64_t>;

enum class State { none, live, released };

State state_of(const unpaired_trailer &tag, uint64_t block)
{
    if (tag.check == 0)
        return State::none; // a check word is odd
    if (tag.check == unpaired_trailer_check(&tag, block, UNPAIRED_TAG_LIVE))
        return State::live;
    return tag.check == unpaired_trailer_check(&tag, block, UNPAIRED_TAG_RELEASED) ? State::released
                                                                                   : State::none;
}

/// Memory read ahead, for a scan that goes upwards and looks aside now and then.
class Window {
public:
    explicit Window(const MemoryImage &memory) : memory_(memory), buffer_(length) {}

    /// Moves the window up to the address if that lies outside it.
    template <class Value> bool get(uint64_t address, Value &value)
    {
        if (!covers(address, sizeof value)) {
            start_ = address;
            got_ = memory_.copy(address, buffer_.data(), buffer_.size());
            if (got_ < sizeof value)
                return false;
        }
        std::memcpy(&value, &buffer_[address - start_], sizeof value);
        return true;
    }

    /// Leaves the window where it is.
    template <class Value> bool peek(uint64_t address, Value &value) const
    {
        if (!covers(address, sizeof value))
            return memory_.copy(address, &value, sizeof value) == sizeof value;
        std::memcpy(&value, &buffer_[address - start_], sizeof value);
        return true;
    }

private:
    bool covers(uint64_t address, size_t size) const
    {
        return address >= start_ && address + size <= start_ + got_;
    }
    static constexpr size_t length = 1 << 20;
    const MemoryImage &memory_;
    std::vector<uint8_t> buffer_;
    uint64_t start_ = 0;
    size_t got_ = 0;
};

class Scanner {
public:
    explicit Scanner(const MemoryImage &memory) : memory_(memory), window_(memory) {}

    HeapTags scan()
    {
        for (const MemoryImage::Region &region : memory_.regions())
            if (region.writable && region.file.empty())
                scan_region(region);
        std::sort(found_.live.begin(), found_.live.end(),
                  [](const TaggedBlock &a, const TaggedBlock &b) { return a.address < b.address; });
        return std::move(found_);
    }

private:
    void scan_region(const MemoryImage::Region &region)
    {
        std::vector<Range> used, released; // chunks of arenas, by address
        const uint64_t first = (region.start + alignment - 1) / alignment * alignment + chunk_header;
        for (uint64_t block = first; block < region.end;) {
            uint64_t size = 0, next = block + alignment;
            if (window_.get(block - 8, size) && plausible(size, block - chunk_header, region.end)) {
                const bool mapped = (size & is_mapped) != 0;
                const uint64_t chunk = block - chunk_header, end = chunk + (size & ~flags);
                const State state = look_at(chunk, end, mapped);
                if (state == State::live)
                    next = end + chunk_header;
                if (state != State::none && !mapped)
                    (state == State::live ? used : released).emplace_back(chunk, end);
            }
            block = next;
        }
        if (!used.empty() || !released.empty())
            walk(region, used, released);
    }

    static bool plausible(uint64_t size, uint64_t chunk, uint64_t end)
    {
        const uint64_t length = size & ~flags;
        return length >= smallest_chunk && length % alignment == 0 && length <= end - chunk;
    }

    State look_at(uint64_t chunk, uint64_t end, bool mapped)
    {
        const uint64_t block = chunk + chunk_header, usable = end - chunk - (mapped ? 16 : 8);
        unpaired_trailer tag;
        if (usable < sizeof tag || !window_.peek(block + usable - sizeof tag, tag))
            return State::none;
        const State state = state_of(tag, block);
        if (state != State::live)
            return state;
        TaggedBlock found;
        found.address = block;
        found.size = tag.size == cut_size ? usable - sizeof tag : tag.size;
        found.chunk = chunk;
        found.chunk_end = block + usable;
        found.owner = tag.owner;
        found.slot = tag.slot;
        found.site = tag.site;
        if (found.size > usable - sizeof tag)
            return State::none;
        found_.live.push_back(found);
        return state;
    }

    /// From chunk to chunk through an arena; where it goes astray, on from the next block with a tag.
    void walk(const MemoryImage::Region &region, const std::vector<Range> &used,
              const std::vector<Range> &released)
    {
        uint64_t at = region.start, size = 0;
        // an arena of a thread begins with its own data, the program's with a chunk
        if (!window_.get(at + 8, size) || !plausible(size, at, region.end) || (size & is_mapped) != 0) {
            at = std::min(used.empty() ? UINT64_MAX : used.front().first,
                          released.empty() ? UINT64_MAX : released.front().first);
            found_.other.emplace_back(region.start, at);
        }
        for (auto next = used.begin(); at + chunk_header < region.end;) {
            while (next != used.end() && next->first < at)
                ++next;
            if (next != used.end() && next->first == at) {
                at = next->second;
                continue;
            }
            const uint64_t limit = next != used.end() ? next->first : region.end;
            if (!window_.get(at + 8, size) || !plausible(size, at, limit)) {
                found_.unclear.emplace_back(at, limit);
                at = limit;
                continue;
            }
            const uint64_t end = at + (size & ~flags);
            (is_used({at, end}, region.end, released) ? found_.other : found_.free).emplace_back(at, end);
            at = end;
        }
    }

    /// Of a chunk without a live tag. The last one of an arena is what it has left; of the others the next one
    /// says whether it is used, but for those that wait in a list of the thread to be used again.
    bool is_used(const Range &chunk, uint64_t region_end, const std::vector<Range> &released)
    {
        uint64_t next_size = 0;
        return chunk.second < region_end && window_.peek(chunk.second + 8, next_size) &&
               (next_size & previous_in_use) != 0 &&
               !std::binary_search(released.begin(), released.end(), chunk);
    }

    const MemoryImage &memory_;
    Window window_;
    HeapTags found_;
};

} // namespace

HeapTags scan_heap_tags(const MemoryImage &memory) { return Scanner(memory).scan(); }

std::optional<TaggedBlock> find_tag(const MemoryImage &memory, uint64_t block, uint64_t size)
{
    // allocators round up to size classes: a fifth more at most, or a page
    std::vector<uint8_t> behind(static_cast<size_t>(std::clamp<uint64_t>(size / 4, 4096, 1 << 20)));
    const uint64_t start = block + size;
    behind.resize(memory.copy(start, behind.data(), behind.size()));
    for (size_t i = 0; i + sizeof(unpaired_trailer) <= behind.size(); i++) {
        unpaired_trailer tag;
        std::memcpy(&tag, &behind[i], sizeof tag);
        if (tag.size != std::min<uint64_t>(size, cut_size) || state_of(tag, block) != State::live)
            continue;
        TaggedBlock found;
        found.address = block;
        found.size = size;
        found.chunk = block;
        found.chunk_end = start + i + sizeof tag;
        found.owner = tag.owner;
        found.slot = tag.slot;
        found.site = tag.site;
        return found;
    }
    return std::nullopt;
}

} // namespace unpaired
