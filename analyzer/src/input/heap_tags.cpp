#include "input/heap_tags.h"

#include "unpaired/heap_chunks.h"

#include <algorithm>

namespace unpaired {
namespace {

using heap_chunks::Tag;

using Range = std::pair<uint64_t, uint64_t>;

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
        using heap_chunks::alignment;
        std::vector<Range> used, released; // chunks of arenas, by address
        const uint64_t first = (region.start + alignment - 1) / alignment * alignment + heap_chunks::header;
        for (uint64_t block = first; block < region.end;) {
            uint64_t size = 0, next = block + alignment;
            if (window_.get(block - 8, size) &&
                heap_chunks::plausible(size, block - heap_chunks::header, region.end)) {
                const bool mapped = (size & heap_chunks::is_mapped) != 0;
                const uint64_t chunk = block - heap_chunks::header,
                               end = chunk + (size & ~heap_chunks::flags);
                const Tag state = look_at(chunk, end, mapped);
                if (state == Tag::live)
                    next = end + heap_chunks::header;
                if (state != Tag::none && !mapped)
                    (state == Tag::live ? used : released).emplace_back(chunk, end);
            }
            block = next;
        }
        if (!used.empty() || !released.empty())
            walk(region, used, released);
    }

    Tag look_at(uint64_t chunk, uint64_t end, bool mapped)
    {
        const uint64_t block = chunk + heap_chunks::header, usable = end - chunk - (mapped ? 16 : 8);
        unpaired_trailer tag;
        if (usable < sizeof tag || !window_.peek(block + usable - sizeof tag, tag))
            return Tag::none;
        const Tag state = heap_chunks::state_of(tag, block);
        if (state != Tag::live)
            return state;
        TaggedBlock found;
        found.address = block;
        found.size = heap_chunks::size_asked(tag, usable);
        found.chunk = chunk;
        found.chunk_end = block + usable;
        found.owner = tag.owner;
        found.slot = tag.slot;
        found.site = tag.site;
        if (found.size > usable - sizeof tag)
            return Tag::none;
        found_.live.push_back(found);
        return state;
    }

    void walk(const MemoryImage::Region &region, const std::vector<Range> &used,
              const std::vector<Range> &released)
    {
        uint64_t start = region.start, size = 0;
        // an arena of a thread begins with its own data, the program's with a chunk
        if (!window_.get(start + 8, size) || !heap_chunks::plausible(size, start, region.end) ||
            (size & heap_chunks::is_mapped) != 0) {
            start = std::min(used.empty() ? UINT64_MAX : used.front().first,
                             released.empty() ? UINT64_MAX : released.front().first);
            found_.other.emplace_back(region.start, start);
        }
        auto next = used.begin();
        const auto next_known = [&](uint64_t at) {
            while (next != used.end() && next->first < at)
                ++next;
            return next != used.end() ? next->first : region.end;
        };
        heap_chunks::walk(window_, start, region.end, next_known,
                          [&](heap_chunks::Use use, uint64_t from, uint64_t to, const unpaired_trailer *) {
                              switch (use) {
                              case heap_chunks::Use::live: // known already
                                  break;
                              case heap_chunks::Use::free:
                                  found_.free.emplace_back(from, to);
                                  break;
                              case heap_chunks::Use::other:
                                  found_.other.emplace_back(from, to);
                                  break;
                              case heap_chunks::Use::unclear:
                                  found_.unclear.emplace_back(from, to);
                                  break;
                              }
                          });
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
        if (tag.size != std::min<uint64_t>(size, UINT32_MAX) ||
            heap_chunks::state_of(tag, block) != Tag::live)
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
