#include "reach_layout.h"

#include "open_aside.h"
#include "state.h"

#include "unpaired/heap_chunks.h"

#include <algorithm>
#include <cstring>

namespace unpaired {
namespace {

constexpr uint64_t red_zone = 128; // System V ABI for x86-64, 3.2.2

/// /proc/self/task/TID/syscall: "running", or a system call's number, its arguments, stack pointer, program
/// counter; "-1" and no arguments where it waits outside of one.
void ask_kernel(Task &task)
{
    char path[64] = "/proc/self/task/", digits[12], text[256];
    unsigned n = 0, length = 16;
    for (int rest = task.tid; rest != 0; rest /= 10)
        digits[n++] = static_cast<char>('0' + rest % 10);
    while (n != 0)
        path[length++] = digits[--n];
    memcpy(path + length, "/syscall", 9);
    const long fd = open_aside(path);
    if (fd < 0)
        return;
    const long got = sys::call(SYS_read, fd, sys::of(text), sizeof text - 1);
    sys::call(SYS_close, fd);
    if (got <= 0 || text[0] == 'r')
        return;
    text[got] = '\0';
    uint64_t numbers[8];
    n = 0;
    for (const char *c = strchr(text, ' '); c != nullptr && n < 8; c = strchr(c + 1, ' ')) {
        uint64_t value = 0;
        for (const char *d = c + 3; (*d >= '0' && *d <= '9') || (*d >= 'a' && *d <= 'f'); d++)
            value = value << 4 | static_cast<uint64_t>(*d <= '9' ? *d - '0' : *d - 'a' + 10);
        numbers[n++] = value;
    }
    if (n < 2)
        return;
    task.stopped = true;
    task.sp = numbers[n - 2];
    for (unsigned i = 0; i < 6 && n == 8; i++)
        task.held[i] = numbers[i];
}

} // namespace

const char *Layout::find_tasks(int caller, uint64_t sp)
{
    const int searcher = sys::gettid();
    const long folder = open_aside("/proc/self/task");
    if (folder < 0)
        return "/proc/self/task cannot be opened";
    alignas(8) char buffer[2048];
    long n;
    bool room = true;
    while (room && (n = sys::call(SYS_getdents64, folder, sys::of(buffer), sizeof buffer)) > 0)
        for (long at = 0; at < n;) { // struct linux_dirent64: inode, offset, length, type, name
            uint16_t length;
            memcpy(&length, buffer + at + 16, sizeof length);
            int tid = 0;
            for (const char *c = buffer + at + 19; *c >= '0' && *c <= '9'; c++)
                tid = tid * 10 + (*c - '0');
            if (tid != 0 && (tid == caller || tid != searcher))
                room = room && tasks.push({tid, false, tid == caller ? sp : 0, {}, false, 0});
            at += length;
        }
    sys::call(SYS_close, folder);
    for (Task &task : tasks)
        if (task.tid != caller)
            ask_kernel(task);
    return room ? nullptr : no_memory;
}

void Layout::sort_items()
{
    const auto by_address = [](const Item &a, const Item &b) { return a.address < b.address; };
    if (!std::is_sorted(items.begin(), items.end(), by_address))
        std::sort(items.begin(), items.end(), by_address);
}

const char *Layout::arrange()
{
    const size_t recorded = items.size();
    for (size_t i = 0; i < memory_.regions().size() && !full_; i++) {
        const Region region = memory_.regions()[i];
        if (region.kind == Region::anonymous && region.start < region.end && is_arena(region, recorded))
            walk_arena(region, recorded);
    }
    sort_items();
    drop_overlaps();
    for (size_t i = 0; i < memory_.regions().size() && !full_; i++)
        add_region(memory_.regions()[i]);
    for (Task &task : tasks)
        if (const Item *item = task.sp != 0 ? item_at(task.sp) : nullptr) {
            task.in_block = true;
            task.root = static_cast<uint32_t>(roots.size());
            full_ = full_ || !roots.push({item->address, item->address, static_cast<uint32_t>(task.tid),
                                          UNPAIRED_HOLDER_STACK});
        }
    return full_ ? no_memory : memory_.trouble();
}

/// The first item at or behind the address, of the first `n`.
size_t Layout::first_item(uint64_t address, size_t n) const
{
    return static_cast<size_t>(
        std::lower_bound(items.begin(), items.begin() + n, address,
                         [](const Item &item, uint64_t wanted) { return item.address < wanted; }) -
        items.begin());
}

/// A chunk of an arena, as opposed to one that was mapped for itself.
bool Layout::in_arena(const Item &item)
{
    uint64_t size = 0;
    return !item.mapping && memory_.get(item.address - 8, size) && (size & heap_chunks::is_mapped) == 0;
}

bool Layout::is_arena(const Region &region, size_t recorded)
{
    if (!process.libc_heap || process.heap_untouched)
        return false;
    if (region.heap)
        return true;
    for (size_t i = first_item(region.start, recorded); i < recorded && items[i].address < region.end; i++)
        if (in_arena(items[i]))
            return true;
    return false;
}

void Layout::walk_arena(const Region &region, size_t recorded)
{
    memory_.read_ahead(OwnMemory::most_ahead);
    size_t next = first_item(region.start, recorded);
    const auto next_known = [&](uint64_t at) {
        while (next < recorded && (items[next].address < at + heap_chunks::header || items[next].mapping))
            next++;
        return next < recorded && items[next].address < region.end ? items[next].address - heap_chunks::header
                                                                   : region.end;
    };
    const uint64_t start = first_chunk(region, next_known(region.start));
    add_root(region.start, start, UNPAIRED_HOLDER_DATA, 0);
    size_t at = next;
    const auto is_recorded = [&](uint64_t chunk) { // called with ascending chunks
        while (at < recorded && items[at].address < chunk + heap_chunks::header)
            at++;
        return at < recorded && items[at].address == chunk + heap_chunks::header;
    };
    heap_chunks::walk(memory_, start, region.end, next_known,
                      [&](heap_chunks::Use use, uint64_t from, uint64_t to, const unpaired_trailer *tag) {
                          if (use == heap_chunks::Use::unclear)
                              add_root(from, to, UNPAIRED_HOLDER_STALE, 0);
                          else if (use == heap_chunks::Use::free || is_recorded(from))
                              return;
                          else if (use == heap_chunks::Use::live)
                              add_unrecorded(from, to, *tag);
                          else // from before the recording, unless its tag was overwritten
                              add_root(from, to, UNPAIRED_HOLDER_DATA, 0);
                      });
    memory_.read_ahead(OwnMemory::least_ahead);
}

// The main arena begins with a chunk, a thread's arena with data of the allocator.
uint64_t Layout::first_chunk(const Region &region, uint64_t known)
{
    constexpr uint64_t most_of_header = 4096;
    for (uint64_t at = region.start; at < known && at < region.start + most_of_header;
         at += heap_chunks::alignment)
        if (leads_to(at, known, region.end))
            return at;
    return known;
}

bool Layout::leads_to(uint64_t at, uint64_t known, uint64_t end)
{
    constexpr unsigned far_enough = 1000;
    for (unsigned i = 0; i < far_enough && at < known; i++) {
        uint64_t size = 0;
        if (!memory_.get(at + 8, size) || !heap_chunks::plausible(size, at, end) ||
            (size & heap_chunks::is_mapped) != 0)
            return false;
        at += size & ~heap_chunks::flags;
    }
    return at <= known;
}

/// A block with a tag and without a slot of this image's: the parent's, or one there was no room for.
void Layout::add_unrecorded(uint64_t from, uint64_t to, const unpaired_trailer &tag)
{
    const uint64_t block = from + heap_chunks::header;
    full_ = full_ || !items.push({block, heap_chunks::size_asked(tag, to - block - 8), 0, 0, false});
}

/// Of two items that share memory the first stays: releases that went unseen leave such.
void Layout::drop_overlaps()
{
    size_t kept = 0;
    uint64_t end = 0;
    for (const Item &item : items) {
        if (kept != 0 && item.address < end)
            continue;
        end = item.address + (item.size != 0 ? item.size : 1);
        items[kept++] = item;
    }
    items.resize(kept);
}

void Layout::add_root(uint64_t start, uint64_t end, uint8_t kind, uint32_t tid)
{
    // A sanitizer's shadow tells of each byte of the program in a byte or a bit: to look for pages of it that were
    // touched takes seconds, and there are no pointers in them. What the program maps by itself is a block.
    constexpr uint64_t of_sanitizer = uint64_t{1} << 40;
    if (start < end && end - start < of_sanitizer)
        full_ = full_ || !roots.push({start, end, tid, kind});
}

void Layout::add_between_blocks(uint64_t start, uint64_t end, uint8_t kind, uint32_t tid)
{
    between_blocks(start, end, [&](uint64_t from, uint64_t to) { add_root(from, to, kind, tid); });
}

void Layout::add_region(const Region &region)
{
    if (region.start >= region.end || (region.kind == Region::shared && !region.writable) ||
        (region.kind == Region::anonymous && is_arena(region, items.size())))
        return;
    // Below the stack pointer nothing counts. A stack that the program made itself, in a block, is that block's.
    const Task *on_it = nullptr;
    for (const Task &task : tasks)
        if (task.sp >= region.start && task.sp < region.end && !item_at(task.sp) &&
            (on_it == nullptr || task.sp < on_it->sp))
            on_it = &task;
    if (on_it != nullptr)
        add_between_blocks(std::max(region.start, on_it->sp - (on_it->stopped ? red_zone : 0)), region.end,
                           UNPAIRED_HOLDER_STACK, static_cast<uint32_t>(on_it->tid));
    else
        add_off_stack(region);
}

/// The main thread's control block stands where the loader allocated it, with its thread-local storage before or
/// behind it; that of another at the end of its stack, which is kept to be used again when the thread has ended.
void Layout::add_off_stack(const Region &region)
{
    constexpr uint64_t most_of_tls = 0x4000;
    const ThreadBlock block = find_thread_block(region);
    if (block.at == 0 || block.tid == 0) {
        add_between_blocks(region.start, region.end,
                           block.at == 0 ? UNPAIRED_HOLDER_DATA : UNPAIRED_HOLDER_STALE, 0);
        return;
    }
    const uint64_t start = std::max(region.start, block.at - std::min(block.at, most_of_tls)),
                   end = std::min(region.end, block.at + most_of_tls);
    add_between_blocks(region.start, start, UNPAIRED_HOLDER_DATA, 0);
    add_between_blocks(start, end, UNPAIRED_HOLDER_TLS, static_cast<uint32_t>(block.tid));
    add_between_blocks(end, region.end, UNPAIRED_HOLDER_DATA, 0);
}

const Item *Layout::item_at(uint64_t address) const
{
    size_t i = first_item(address + 1);
    return i > 0 && items[i - 1].address + items[i - 1].size > address ? &items[i - 1] : nullptr;
}

/// A thread's control block (tcbhead_t of glibc) points to itself twice, and the C library's description of the
/// thread around it has its number, which the kernel wipes when the thread ends.
Layout::ThreadBlock Layout::find_thread_block(const Region &region)
{
    constexpr uint64_t alignment = 64, most_of_a_block = 0x4000, description = 0x1000;
    if (region.kind != Region::anonymous || region.stack)
        return {};
    const uint64_t start =
        region.end - region.start > most_of_a_block ? region.end - most_of_a_block : region.start;
    for (uint64_t at = (start + alignment - 1) / alignment * alignment; at + 24 <= region.end;
         at += alignment) {
        uint64_t tcb = 0, self = 0;
        if (!memory_.get(at, tcb) || tcb != at || !memory_.get(at + 16, self) || self != at)
            continue;
        for (uint64_t word = at; word < at + description && word < region.end; word += 4) {
            uint32_t value = 0;
            if (memory_.get(word, value))
                for (const Task &task : tasks)
                    if (value == static_cast<uint32_t>(task.tid))
                        return {at, task.tid};
        }
        return {at, 0};
    }
    return {};
}

} // namespace unpaired
