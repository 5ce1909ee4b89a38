// What lies where in the memory of the process: its threads, recorded blocks and others, and what is outside of all
// blocks and may hold pointers to them.
#pragma once

#include "own_memory.h"

#include "unpaired/owner_tag.h"

#include <algorithm>

namespace unpaired {

inline constexpr const char *no_memory = "there is no memory for it";

/// A block: of a slot, or (reference 0) one that was not recorded and only holds others.
struct Item {
    uint64_t address, size;
    uint32_t reference, sequence;
    bool mapping;
};

/// Memory outside all blocks that may hold pointers to them.
struct Root {
    uint64_t start, end;
    uint32_t tid; ///< of a stack
    uint8_t kind; ///< enum unpaired_reach_holder
};

struct Task {
    int tid;
    bool stopped;     ///< it waits in the kernel, and the rest is known
    uint64_t sp;      ///< stack pointer, 0 if not known
    uint64_t held[6]; ///< the arguments of its system call
    bool in_block;    ///< the stack lies in a block that the program made for it
    uint32_t root;    ///< ... which this root stands for
};

class Layout {
public:
    explicit Layout(OwnMemory &memory) : memory_(memory) {}

    /// Filled by the caller with the recorded blocks, in any order. After arrange(): all blocks, by address, without
    /// overlap.
    ScratchArray<Item> items;
    ScratchArray<Root> roots;
    ScratchArray<Task> tasks;

    void sort_items();
    /// The threads of the process. `caller` stands still, with what it uses of its stack from `sp` on; the thread
    /// that runs this is the same, or one of our own. nullptr, or why it cannot be done.
    const char *find_tasks(int caller, uint64_t sp);
    /// Finds roots, and blocks that were not recorded; the kernel's map is read. nullptr, or why it cannot be done.
    const char *arrange();

    /// Returns true if glibc's malloc has cut blocks from this region. The items are sorted.
    bool is_arena(const Region &region) { return is_arena(region, items.size()); }
    /// Returns the first chunk of the arena that has a chunk at `known`, or `known` if no chain of chunks leads
    /// there.
    uint64_t first_chunk(const Region &region, uint64_t known);

    /// The first item at or behind the address.
    size_t first_item(uint64_t address) const { return first_item(address, items.size()); }
    /// The item that the address lies in, or null.
    const Item *item_at(uint64_t address) const;
    /// Calls visit(start, end) for what of [start, end) lies outside all items, ascending.
    template <class Visit> void between_blocks(uint64_t start, uint64_t end, Visit visit) const
    {
        size_t i = first_item(start);
        if (i > 0 && items[i - 1].address + items[i - 1].size > start)
            i--;
        for (; i < items.size() && items[i].address < end; i++) {
            if (start < items[i].address)
                visit(start, items[i].address);
            start = std::max(start, items[i].address + items[i].size);
        }
        if (start < end)
            visit(start, end);
    }

private:
    struct ThreadBlock {
        uint64_t at; ///< 0: there is none
        int tid;     ///< 0: of a thread that ended
    };

    size_t first_item(uint64_t address, size_t n) const;
    bool is_arena(const Region &region, size_t recorded);
    bool in_arena(const Item &item);
    void walk_arena(const Region &region, size_t recorded);
    bool leads_to(uint64_t at, uint64_t known, uint64_t end);
    void add_unrecorded(uint64_t from, uint64_t to, const unpaired_trailer &tag);
    void drop_overlaps();
    void add_root(uint64_t start, uint64_t end, uint8_t kind, uint32_t tid);
    void add_between_blocks(uint64_t start, uint64_t end, uint8_t kind, uint32_t tid);
    void add_region(const Region &region);
    void add_off_stack(const Region &region);
    ThreadBlock find_thread_block(const Region &region);

    OwnMemory &memory_;
    bool full_ = false; ///< there was no memory for something
};

} // namespace unpaired
