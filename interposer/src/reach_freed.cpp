#include "reach_freed.h"

#include "modules.h"
#include "real.h"

#include "unpaired/heap_chunks.h"

namespace unpaired {
namespace {

using heap_chunks::header;

/// Walks the arenas as glibc would (malloc/malloc.c). Trusts only chunk headers, not a recorded address: that block
/// may be a freed one.
class FreedUnseen {
public:
    FreedUnseen(OwnMemory &memory, Layout &layout) : memory_(memory), layout_(layout), items_(layout.items) {}

    /// Finds the freed blocks. Returns false if no memory is left.
    bool find()
    {
        if (!freed_.resize(items_.size()))
            return false;
        memory_.exclude(freed_.first_byte(), freed_.last_byte());
        for (size_t i = 0; i < memory_.regions().size() && !full_; i++) {
            const Region region = memory_.regions()[i];
            if (region.kind == Region::anonymous && region.start < region.end && layout_.is_arena(region))
                walk(region);
        }
        for (const uint64_t cache : caches_)
            look_at_cache(cache);
        look_outside_arenas();
        return !full_ && memory_.trouble() == nullptr;
    }

    void retire(Thread &thread)
    {
        size_t kept = 0;
        for (size_t i = 0; i < items_.size(); i++)
            if (freed_[i] == 0 || !retire(thread, items_[i]))
                items_[kept++] = items_[i];
        items_.resize(kept);
    }

private:
    static bool retire(Thread &thread, const Item &item)
    {
        unpaired_slot &slot = *slot_at(item.reference);
        uint32_t sequence = item.sequence;
        if (!__atomic_compare_exchange_n(&slot.sequence, &sequence, sequence + 1, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            return false;
        count_released_unseen(thread, slot);
        send_home(thread, item.reference);
        return true;
    }

    /// Returns the first chunk of an arena. The first recorded blocks may be freed ones, so this uses the first block
    /// that a chain of chunks leads to.
    uint64_t find_start(const Region &region)
    {
        constexpr unsigned most_tries = 8;
        constexpr uint64_t most_of_header = 4096;
        if (const uint64_t end = end_of_heap(region); end != region.end || region.start % largest_heap == 0)
            for (uint64_t at = region.start; at < region.start + most_of_header; at += heap_chunks::alignment)
                if (leads_to(at, end))
                    return at;
        size_t i = layout_.first_item(region.start);
        for (unsigned tries = 0; tries < most_tries && i < items_.size() && items_[i].address < region.end;
             i++) {
            if (items_[i].mapping)
                continue;
            const uint64_t chunk = items_[i].address - header, start = layout_.first_chunk(region, chunk);
            if (start != chunk || start == region.start)
                return start;
            tries++;
        }
        return region.end;
    }

    void walk(const Region &region)
    {
        memory_.read_ahead(OwnMemory::most_ahead);
        size_t i = layout_.first_item(region.start);
        uint64_t top = 0;
        const uint64_t end = end_of_heap(region);
        for (uint64_t at = find_start(region); at + header < end;) {
            uint64_t size = 0, next_size = 0, size_before_next = 0;
            if (!memory_.get(at + 8, size) || !heap_chunks::plausible(size, at, end))
                break;
            const uint64_t length = size & ~heap_chunks::flags, next = at + length;
            const bool is_top = next >= end - header;
            bool free = is_top;
            if (is_top)
                top = at;
            else if (!memory_.get(next, size_before_next) || !memory_.get(next + 8, next_size) ||
                     !heap_chunks::plausible(next_size, next, end))
                break;
            else if ((next_size & heap_chunks::previous_in_use) == 0) {
                if (size_before_next != length)
                    break; // not a heap of glibc, or a damaged one
                free = true;
            }
            if (!free)
                full_ = full_ || (length == cache_length && !caches_.push(at + header));
            for (; i < items_.size() && items_[i].address < next + header; i++)
                if (!items_[i].mapping && items_[i].reference != 0)
                    look_at(static_cast<uint32_t>(i), at, length, free, is_top);
            at = next;
        }
        memory_.read_ahead(OwnMemory::least_ahead);
        if (top == 0)
            return;
        look_at_fast_bins(region, top);
        for (; i < items_.size() && items_[i].address < region.end; i++) // in released memory
            if (items_[i].address >= end && !items_[i].mapping && items_[i].reference != 0)
                freed_[i] = 1;
    }

    /// Returns the end of the heap's used part. A thread's arena lies in heaps at multiples of their largest size,
    /// which begin with (arena, heap before, size in use, …) (malloc/arena.c: heap_info). Memory after the size in
    /// use may still be readable.
    uint64_t end_of_heap(const Region &region)
    {
        constexpr uint64_t page = 4096;
        uint64_t size = 0;
        const bool known = !region.heap && region.start % largest_heap == 0 &&
                           memory_.get(region.start + 2 * sizeof size, size) && size != 0 &&
                           size % page == 0 && size <= region.end - region.start;
        return known ? region.start + size : region.end;
    }

    /// Returns true if chunk follows chunk from `at` to the end.
    bool leads_to(uint64_t at, uint64_t end)
    {
        uint64_t size = 0;
        while (at < end && memory_.get(at + 8, size) && heap_chunks::plausible(size, at, end) &&
               (size & heap_chunks::is_mapped) == 0)
            at += size & ~heap_chunks::flags;
        return at == end;
    }

    /// Decides whether a block whose memory begins in the chunk at `chunk` is freed.
    void look_at(uint32_t item, uint64_t chunk, uint64_t length, bool free, bool is_top)
    {
        const uint64_t block = items_[item].address;
        unpaired_trailer tag{};
        if (block != chunk + header) { // merged with the chunk before, which is free or in use again
            freed_[item] = 1;
            return;
        }
        const bool tagged = tag_of(block, length, tag) == heap_chunks::Tag::live;
        if (free)
            freed_[item] = !is_top || !tagged;
        else if (tagged && tag.slot != 0 && tag.slot != items_[item].reference)
            freed_[item] = 1; // in use again
    }

    heap_chunks::Tag tag_of(uint64_t block, uint64_t length, unpaired_trailer &tag)
    {
        return length >= header + sizeof tag && memory_.get(block + length - 8 - sizeof tag, tag)
                   ? heap_chunks::state_of(tag, block)
                   : heap_chunks::Tag::none;
    }

    /// Reads a thread's cache, a block that malloc allocates for itself (struct tcache_perthread_struct, glibc 2.30
    /// to 2.41): for each chunk size from 32 bytes on, the number of chunks and the first block of their list.
    void look_at_cache(uint64_t cache)
    {
        uint16_t counts[cache_sizes];
        uint64_t first[cache_sizes];
        if (memory_.copy(cache, counts, sizeof counts) != sizeof counts ||
            memory_.copy(cache + sizeof counts, first, sizeof first) != sizeof first)
            return;
        for (unsigned i = 0; i < cache_sizes; i++)
            if ((counts[i] == 0) != (first[i] == 0) || first[i] % heap_chunks::alignment != 0)
                return; // another block of this size
        for (unsigned i = 0; i < cache_sizes; i++)
            if (first[i] != 0)
                follow(first[i] - header, heap_chunks::smallest + i * heap_chunks::alignment, header,
                       counts[i]);
    }

    /// Reads the fast bins: freed blocks of up to 128 bytes there look like used ones. struct malloc_state has the
    /// heads of the ten lists right before the address of the top chunk; the main arena's malloc_state lies in the C
    /// library's data.
    void look_at_fast_bins(const Region &region, uint64_t top)
    {
        constexpr unsigned lists = 10;
        uint64_t start = region.start, end = region.start + 4096, heads = 0;
        if (region.heap) {
            const ModuleView *libc =
                module_at(reinterpret_cast<uint64_t>(real::address(UNPAIRED_FUNCTION_malloc)));
            if (libc == nullptr)
                return;
            start = libc->start;
            end = libc->end;
        }
        memory_.each_piece(start, end, [&](uint64_t at, const uint8_t *bytes, size_t length) {
            for (size_t i = (8 - at % 8) % 8; i + 8 <= length && heads == 0; i += 8)
                if (reachability::word_at(bytes + i, 8) == top)
                    heads = at + i - lists * 8;
        });
        for (unsigned list = 0; list < lists && heads != 0; list++) {
            uint64_t chunk = 0;
            if (memory_.get(heads + list * 8, chunk) && chunk != 0)
                follow(chunk, heap_chunks::smallest + list * heap_chunks::alignment, 0,
                       items_.size() + 100'000);
        }
    }

    /// Checks blocks outside of arenas. A large block has a mapping of its own, which begins with its header and is unmapped
    /// by free. Other memory may be mapped there now.
    void look_outside_arenas()
    {
        constexpr uint64_t page = 4096, least_mapped = 128 * 1024; // DEFAULT_MMAP_THRESHOLD
        for (size_t i = 0; i < items_.size(); i++) {
            const Item &item = items_[i];
            uint64_t word = 0;
            if (item.mapping || item.reference == 0 || freed_[i] != 0)
                continue;
            if (memory_.region_at(item.address) == nullptr) {
                freed_[i] = is_unmapped(item.address);
            } else if (item.size >= least_mapped && item.address % page == header &&
                       memory_.get(item.address - 8, word)) {
                const uint64_t length = word & ~heap_chunks::flags;
                freed_[i] = length < item.size || length - item.size > 2 * page;
            }
        }
    }

    /// Returns true if an address outside the regions is not the program's memory: nothing is mapped there, or it is
    /// readable and therefore memory that the recorder has mapped since. Memory that is not readable may be the
    /// program's.
    bool is_unmapped(uint64_t address)
    {
        constexpr uint64_t page = 4096;
        constexpr long not_mapped = -12; // −ENOMEM (mincore(2))
        uint8_t resident = 0;
        return memory_.copy(address, &resident, 1) == 1 ||
               sys::call(SYS_mincore, static_cast<long>(address & ~(page - 1)), page, sys::of(&resident)) ==
                   not_mapped;
    }

    /// Follows a list of free chunks of one length. Each block begins with a pointer to the next chunk, `offset`
    /// bytes after its header's start, or with 0. The pointer is xor'ed with the block's page number (PROTECT_PTR;
    /// plain before glibc 2.32).
    void follow(uint64_t chunk, uint64_t length, uint64_t offset, size_t most)
    {
        for (; most != 0 && chunk != 0 && is_chunk(chunk, length); most--) {
            const uint64_t block = chunk + header;
            uint64_t link = 0;
            for (size_t i = layout_.first_item(block); i < items_.size() && items_[i].address == block; i++)
                freed_[i] = items_[i].reference != 0;
            if (!memory_.get(block, link))
                return;
            const uint64_t next = link ^ (block >> 12);
            if (next == 0)
                return;
            chunk = is_chunk(next - offset, length) ? next - offset : link - offset;
        }
    }

    bool is_chunk(uint64_t chunk, uint64_t length)
    {
        uint64_t size = 0;
        return chunk % heap_chunks::alignment == 0 && memory_.get(chunk + 8, size) &&
               (size & ~heap_chunks::flags) == length;
    }

    static constexpr uint64_t largest_heap = uint64_t{64} << 20; // HEAP_MAX_SIZE
    static constexpr unsigned cache_sizes = 64;
    static constexpr uint64_t cache_length = cache_sizes * (sizeof(uint16_t) + sizeof(uint64_t)) + header;

    OwnMemory &memory_;
    Layout &layout_;
    ScratchArray<Item> &items_;
    ScratchArray<uint8_t> freed_;   ///< indexed by item
    ScratchArray<uint64_t> caches_; ///< blocks of the size of a thread's cache
    bool full_ = false;
};

} // namespace

void retire_freed_unseen(OwnMemory &memory, Layout &layout, Thread &thread)
{
    if (!process.libc_heap || process.heap_untouched || layout.items.size() >= UINT32_MAX)
        return;
    FreedUnseen freed(memory, layout);
    if (freed.find())
        freed.retire(thread);
}

} // namespace unpaired
