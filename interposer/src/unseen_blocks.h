// Live slots of heap blocks that are no longer in use: some call that was not recorded released them. glibc's own notes in
// memory show it: malloc/malloc.c, "Chunk representations" and "Thread cache".
#pragma once

#include "ledger.h"
#include "program_break.h"

#include "unpaired/heap_chunks.h"

namespace unpaired {

/// What glibc writes into the second word of a block that it keeps for the thread (tcache_key); 0: it is not known.
extern uint64_t thread_cache_key;
/// Allocates and releases a block of its own to find out. To be called where the program just called malloc.
void learn_thread_cache_key();

/// `Memory` has `bool get(uint64_t address, Value &value)`, false where memory cannot be read.
template <class Memory> class UnseenBlocks {
public:
    /// `small_lists`: a block that looks like one of a list of small free chunks is released. So does a live one whose first
    /// word was never written since it came from such a list: only where other blocks were released unseen.
    UnseenBlocks(Memory &memory, bool small_lists) : memory_(memory), small_lists_(small_lists) {}

    /// Returns true if the block of a live slot is not in use. In doubt it is. To be asked about blocks in the order of
    /// their addresses.
    bool is_released(uint64_t block, uint64_t size, uint32_t slot)
    {
        using namespace heap_chunks;
        uint64_t word = 0, first = 0, second = 0, next_word = 0;
        if (block % alignment != 0)
            return false;
        if (!get(block - 8, word) || !get(block, first) || !get(block + 8, second))
            return true; // it was mapped for itself, and is no longer
        const uint64_t chunk = block - header, length = word & ~flags;
        if (!go_to(chunk))
            return true; // inside another chunk: joined with that, or its memory is used anew
        if (length < smallest || length % alignment != 0 || length > uint64_t{1} << 46)
            return was_mapped(block, size); // else it was overwritten, perhaps by the program
        if (thread_cache_key != 0 && second == thread_cache_key)
            return true; // kept for the thread
        if ((word & is_mapped) != 0)
            return false;
        if (length - 8 < size)
            return true; // another chunk, which is too small for it
        if (is_of_another(block, chunk + length + 8, slot))
            return true;
        if (small_lists_ && length <= largest_fast_chunk && is_in_fast_list(block, length, first))
            return true;
        // The next chunk has the bit; what the arena has left has no next one.
        return !get(chunk + length + 8, next_word) || (next_word & previous_in_use) == 0;
    }

private:
    static constexpr uint64_t largest_fast_chunk = 128, heap_of_thread = uint64_t{64} << 20;

    bool get(uint64_t address, uint64_t &value) { return memory_.get(address, value); }

    /// A block that was mapped for itself begins a page, and nothing of the heap lies before it. What stands there now is
    /// something else.
    static bool was_mapped(uint64_t block, uint64_t size)
    {
        constexpr uint64_t page = 4096, least_mapped = 128 * 1024; // DEFAULT_MMAP_THRESHOLD
        return block % page == heap_chunks::header && size >= least_mapped;
    }

    /// The tag at the end of the block names another slot: the address was handed out again.
    bool is_of_another(uint64_t block, uint64_t end, uint32_t slot)
    {
        unpaired_trailer tag;
        return memory_.get(end - sizeof tag, tag) && tag.slot != 0 && tag.slot != slot &&
               heap_chunks::state_of(tag, block) == heap_chunks::Tag::live;
    }

    /// A list of small chunks: each has in its first word the address of the next, or 0, combined with the place of that
    /// word (PROTECT_PTR). The next has the same size.
    bool is_in_fast_list(uint64_t block, uint64_t length, uint64_t first)
    {
        const uint64_t next = first ^ (block >> 12);
        uint64_t word = 0;
        if (next == 0)
            return first != 0;
        return next % heap_chunks::alignment == 0 && (next ^ block) >> 28 == 0 && next + 16 != block &&
               get(next + 8, word) && (word & ~heap_chunks::flags) == length;
    }

    /// Goes from chunk to chunk, up to `chunk`. False: a larger one covers it. True also where this is not known.
    bool go_to(uint64_t chunk)
    {
        if (chunk < start_ || chunk >= limit_)
            find_arena(chunk);
        if (chunk >= end_)
            return end_ == 0; // its heap became smaller
        while (at_ < chunk) {
            uint64_t size = 0;
            if (!get(at_ + 8, size) || !heap_chunks::plausible(size, at_, end_)) {
                at_ = chunk; // astray; on from here
                break;
            }
            at_ += size & ~heap_chunks::flags;
        }
        return at_ == chunk;
    }

    /// Finds the part of the heap that a chunk lies in. It is empty if that is not known.
    void find_arena(uint64_t chunk)
    {
        constexpr uint64_t alignment = heap_chunks::alignment;
        start_ = end_ = limit_ = 0;
        if (program_break::is_below(chunk, chunk + alignment)) {
            start_ = (program_break::start + alignment - 1) & ~(alignment - 1);
            end_ = limit_ = reinterpret_cast<uint64_t>(load(*program_break::end));
        } else if (const uint64_t heap = chunk & ~(heap_of_thread - 1); heap != unknown_heap_) {
            find_heap_of_thread(heap); // whatever the size word says: it may be the program's by now
        }
        at_ = start_;
    }

    /// A thread's arena has heaps at multiples of their largest size. Each begins with (arena, heap before, size, ...), the
    /// first one's arena follows (malloc/arena.c: heap_info). The chunks begin where they lead to the end.
    void find_heap_of_thread(uint64_t heap)
    {
        constexpr uint64_t size_at = 16, smallest_header = 32, largest_header = 4096;
        uint64_t size = 0;
        unknown_heap_ = heap;
        if (!get(heap + size_at, size) || size == 0 || size > heap_of_thread || size % 4096 != 0)
            return;
        for (uint64_t at = heap + smallest_header; at < heap + largest_header; at += heap_chunks::alignment)
            if (leads_to(at, heap + size)) {
                start_ = at;
                end_ = heap + size;
                limit_ = heap + heap_of_thread;
                return;
            }
    }

    bool leads_to(uint64_t chunk, uint64_t end)
    {
        while (chunk < end) {
            uint64_t size = 0;
            if (!get(chunk + 8, size) || !heap_chunks::plausible(size, chunk, end) ||
                (size & heap_chunks::is_mapped) != 0)
                return false;
            chunk += size & ~heap_chunks::flags;
        }
        return chunk == end;
    }

    Memory &memory_;
    const bool small_lists_;
    uint64_t start_ = 0, end_ = 0; ///< a part of the heap that is made of chunks
    uint64_t limit_ = 0;           ///< up to which it may grow
    uint64_t at_ = 0;              ///< the chunk in it where the walk is
    uint64_t unknown_heap_ = 0;
};

} // namespace unpaired
