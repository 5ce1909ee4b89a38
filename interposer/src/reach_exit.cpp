#include "reach_exit.h"

#include "ledger.h"
#include "lifecycle.h"
#include "mapping.h"
#include "modules.h"
#include "own_memory.h"

#include "unpaired/heap_chunks.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <time.h>

namespace unpaired {
namespace {

constexpr Budget budget{2000, 10'000, uint64_t{4} << 30};
constexpr uint64_t red_zone = 128; // System V ABI for x86-64, 3.2.2
constexpr uint64_t page = 4096;
constexpr unsigned registers_kept =
    6; // that a call preserves: in a system call they may be all that holds a block
constexpr long pause_between_looks_ns = 5'000'000;
constexpr unsigned preview_bytes = 32, previews_of_a_site = 3, most_previews = 500;

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

/// A slot whose handle is the address of a block of another one: an addrinfo list.
struct Alias {
    uint64_t address;
    uint32_t reference, sequence;
};

class Look {
public:
    explicit Look(uint64_t sp) : sp_(sp) {}

    /// nullptr, or why nothing is known.
    const char *run()
    {
        if (!collect())
            return no_memory;
        if (items_.size() == 0)
            return nullptr;
        const char *problem = memory_.open(budget);
        if (problem == nullptr)
            problem = memory_.read_map();
        if (problem == nullptr)
            problem = find_tasks();
        if (problem == nullptr)
            problem = arrange();
        if (problem == nullptr)
            problem = judge();
        if (problem == nullptr)
            write();
        return problem;
    }

private:
    static constexpr const char *no_memory = "there is no memory for it";

    // ---- what is live ------------------------------------------------------------------------------------------

    bool collect()
    {
        bool room = true;
        time_ms_ = now_ms();
        any_slot([&](unpaired_slot &slot) {
            const uint32_t sequence = load(slot.sequence, __ATOMIC_ACQUIRE);
            if ((sequence & 1) == 0)
                return false;
            if (slot.space == UNPAIRED_SPACE_heap || slot.space == UNPAIRED_SPACE_mapping)
                room = items_.push({slot.handle, slot.size, reference_of(&slot), sequence,
                                    slot.space == UNPAIRED_SPACE_mapping});
            else if (slot.space == UNPAIRED_SPACE_addrinfo || slot.space == UNPAIRED_SPACE_ifaddrs)
                room = aliases_.push({slot.handle, reference_of(&slot), sequence});
            return !room;
        });
        sort_items();
        return room;
    }

    void sort_items()
    {
        std::sort(items_.begin(), items_.end(),
                  [](const Item &a, const Item &b) { return a.address < b.address; });
    }

    // ---- threads -------------------------------------------------------------------------------------------------

    const char *find_tasks()
    {
        const int own = sys::gettid();
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
                if (tid != 0)
                    room = room && tasks_.push({tid, false, tid == own ? sp_ : 0, {}, false, 0});
                at += length;
            }
        sys::call(SYS_close, folder);
        for (Task &task : tasks_)
            if (task.tid != own)
                ask_kernel(task);
        return room ? nullptr : no_memory;
    }

    /// /proc/self/task/TID/syscall: "running", or a system call's number, its arguments, stack pointer, program
    /// counter; "-1" and no arguments where it waits outside of one.
    static void ask_kernel(Task &task)
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

    // ---- what lies where -------------------------------------------------------------------------------------------

    /// Finds roots, and blocks that were not recorded; the kernel's map is read.
    const char *arrange()
    {
        exclude_ourselves();
        const size_t recorded = items_.size();
        for (size_t i = 0; i < memory_.regions().size() && !full_; i++) {
            const Region region = memory_.regions()[i];
            if (region.kind == Region::anonymous && region.start < region.end && is_arena(region, recorded))
                walk_arena(region, recorded);
        }
        sort_items();
        drop_overlaps();
        for (size_t i = 0; i < memory_.regions().size() && !full_; i++)
            add_region(memory_.regions()[i]);
        for (Task &task : tasks_)
            if (const Item *item = task.sp != 0 ? item_at(task.sp) : nullptr) {
                task.in_block = true;
                task.root = static_cast<uint32_t>(roots_.size());
                full_ = full_ || !roots_.push({item->address, item->address, static_cast<uint32_t>(task.tid),
                                               UNPAIRED_HOLDER_STACK});
            }
        return full_ ? no_memory : memory_.trouble();
    }

    void exclude_ourselves()
    {
        memory_.exclude(reinterpret_cast<uint64_t>(process.base),
                        reinterpret_cast<uint64_t>(process.base) + load(process.capacity));
        if (const ModuleView *module = module_at(reinterpret_cast<uint64_t>(&look_who_holds)))
            memory_.exclude(module->start, module->end);
        exclude(items_);
        exclude(aliases_);
    }

    template <class Array> void exclude(const Array &array)
    {
        memory_.exclude(array.first_byte(), array.last_byte());
    }

    /// Our own arrays are full of addresses of blocks. They may lie where another thread had something mapped when the
    /// kernel's map was read.
    void exclude_scratch()
    {
        exclude(items_);
        exclude(roots_);
        exclude(tasks_);
        exclude(blocks_);
        exclude(marks_);
        exclude(found_);
        exclude(queue_);
        exclude(links_);
        exclude(index_);
    }

    /// The first item at or behind the address, of the first `n`.
    size_t first_item(uint64_t address, size_t n) const
    {
        return static_cast<size_t>(
            std::lower_bound(items_.begin(), items_.begin() + n, address,
                             [](const Item &item, uint64_t wanted) { return item.address < wanted; }) -
            items_.begin());
    }

    /// A chunk of an arena, as opposed to one that was mapped for itself.
    bool in_arena(const Item &item)
    {
        uint64_t size = 0;
        return !item.mapping && memory_.get(item.address - 8, size) && (size & heap_chunks::is_mapped) == 0;
    }

    bool is_arena(const Region &region, size_t recorded)
    {
        if (!process.libc_heap || process.heap_untouched)
            return false;
        if (region.heap)
            return true;
        for (size_t i = first_item(region.start, recorded); i < recorded && items_[i].address < region.end;
             i++)
            if (in_arena(items_[i]))
                return true;
        return false;
    }

    void walk_arena(const Region &region, size_t recorded)
    {
        memory_.forget_window();
        size_t next = first_item(region.start, recorded);
        const auto next_known = [&](uint64_t at) {
            while (next < recorded &&
                   (items_[next].address < at + heap_chunks::header || items_[next].mapping))
                next++;
            return next < recorded && items_[next].address < region.end
                       ? items_[next].address - heap_chunks::header
                       : region.end;
        };
        const uint64_t start = first_chunk(region, next_known(region.start));
        add_root(region.start, start, UNPAIRED_HOLDER_DATA, 0);
        heap_chunks::walk(memory_, start, region.end, next_known,
                          [&](heap_chunks::Use use, uint64_t from, uint64_t to, const unpaired_trailer *tag) {
                              if (use == heap_chunks::Use::live)
                                  add_unrecorded(from, to, *tag, recorded);
                              else if (use == heap_chunks::Use::other)
                                  add_used(from, to, recorded);
                              else if (use == heap_chunks::Use::unclear)
                                  add_root(from, to, UNPAIRED_HOLDER_STALE, 0);
                          });
    }

    /// The program's own arena begins with a chunk, a thread's with data of the allocator. `known` is a chunk.
    uint64_t first_chunk(const Region &region, uint64_t known)
    {
        constexpr uint64_t most_of_header = 4096;
        for (uint64_t at = region.start; at < known && at < region.start + most_of_header;
             at += heap_chunks::alignment)
            if (leads_to(at, known, region.end))
                return at;
        return known;
    }

    bool leads_to(uint64_t at, uint64_t known, uint64_t end)
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

    bool is_recorded(uint64_t address, size_t recorded) const
    {
        const size_t i = first_item(address, recorded);
        return i < recorded && items_[i].address == address;
    }

    /// A block with a tag and without a slot of this image's: the parent's, or one there was no room for.
    void add_unrecorded(uint64_t from, uint64_t to, const unpaired_trailer &tag, size_t recorded)
    {
        const uint64_t block = from + heap_chunks::header;
        if (!is_recorded(block, recorded))
            full_ = full_ || !items_.push({block, heap_chunks::size_asked(tag, to - block - 8), 0, 0, false});
    }

    /// A chunk without a tag: from before the recording, unless its tag was overwritten.
    void add_used(uint64_t from, uint64_t to, size_t recorded)
    {
        if (!is_recorded(from + heap_chunks::header, recorded))
            add_root(from, to, UNPAIRED_HOLDER_DATA, 0);
    }

    /// Of two items that share memory the first stays: releases that went unseen leave such.
    void drop_overlaps()
    {
        size_t kept = 0;
        uint64_t end = 0;
        for (const Item &item : items_) {
            if (kept != 0 && item.address < end)
                continue;
            end = item.address + (item.size != 0 ? item.size : 1);
            items_[kept++] = item;
        }
        items_.resize(kept);
    }

    void add_root(uint64_t start, uint64_t end, uint8_t kind, uint32_t tid)
    {
        if (start < end)
            full_ = full_ || !roots_.push({start, end, tid, kind});
    }

    /// What of [start, end) lies outside all blocks.
    void add_between_blocks(uint64_t start, uint64_t end, uint8_t kind, uint32_t tid)
    {
        size_t i = first_item(start, items_.size());
        if (i > 0 && items_[i - 1].address + items_[i - 1].size > start)
            i--;
        for (; i < items_.size() && items_[i].address < end; i++) {
            add_root(start, items_[i].address, kind, tid);
            start = std::max(start, items_[i].address + items_[i].size);
        }
        add_root(start, end, kind, tid);
    }

    void add_region(const Region &region)
    {
        if (region.start >= region.end || (region.kind == Region::shared && !region.writable) ||
            (region.kind == Region::anonymous && is_arena(region, items_.size())))
            return;
        // Below the stack pointer nothing counts. A stack that the program made itself, in a block, is that block's.
        const Task *on_it = nullptr;
        for (const Task &task : tasks_)
            if (task.sp >= region.start && task.sp < region.end && !item_at(task.sp) &&
                (on_it == nullptr || task.sp < on_it->sp))
                on_it = &task;
        if (on_it != nullptr)
            add_between_blocks(std::max(region.start, on_it->sp - red_zone), region.end,
                               UNPAIRED_HOLDER_STACK, static_cast<uint32_t>(on_it->tid));
        else
            add_between_blocks(region.start, region.end,
                               is_stack_of_ended(region) ? UNPAIRED_HOLDER_STALE : UNPAIRED_HOLDER_DATA, 0);
    }

    const Item *item_at(uint64_t address) const
    {
        size_t i = first_item(address + 1, items_.size());
        return i > 0 && items_[i - 1].address + items_[i - 1].size > address ? &items_[i - 1] : nullptr;
    }

    /// A thread's control block (tcbhead_t of glibc) points to itself twice, and the C library's description of the
    /// thread around it has its number; it stands at the end of its stack, which is kept to be used again.
    bool is_stack_of_ended(const Region &region)
    {
        constexpr uint64_t alignment = 64, most_of_a_block = 0x4000, description = 0x1000;
        if (region.kind != Region::anonymous || region.stack)
            return false;
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
                    for (const Task &task : tasks_)
                        if (value == static_cast<uint32_t>(task.tid))
                            return false;
            }
            return true;
        }
        return false;
    }

    // ---- who holds what ----------------------------------------------------------------------------------------------

    const char *judge()
    {
        const size_t n = items_.size();
        if (n >= UINT32_MAX || !blocks_.resize(n) || !marks_.resize(n) || !found_.resize(n) ||
            !queue_.resize(n) || !links_.resize(n) || !index_.resize(n))
            return no_memory;
        for (size_t i = 0; i < n; i++)
            blocks_[i] = {items_[i].address, items_[i].size, items_[i].mapping};
        exclude_scratch();
        const bool alone = tasks_.size() <= 1;
        mark(true);
        if (memory_.trouble() == nullptr && !alone && any_lost()) {
            if (!before_.resize(n) || !note_living() || !count_lost())
                return no_memory;
            for (size_t i = 0; i < n; i++)
                before_[i] = marks_[i].state == reachability::State::lost ? lost_before : 0;
            const timespec pause{0, pause_between_looks_ns};
            sys::call(SYS_nanosleep, sys::of(&pause), 0);
            mark(false);
        }
        return memory_.trouble();
    }

    /// Marks all blocks afresh. At a second look the first is known.
    void mark(bool first)
    {
        const size_t n = items_.size();
        memset(marks_.data(), 0, n * sizeof marks_[0]);
        memset(found_.data(), 0, n);
        OwnMemory::Marker marker(memory_,
                                 {blocks_.data(), static_cast<uint32_t>(n), marks_.data(), found_.data(),
                                  queue_.data(), links_.data(), index_.data()},
                                 sizeof(void *));
        for (uint32_t i = 0; i < roots_.size(); i++)
            if (roots_[i].kind != UNPAIRED_HOLDER_STALE)
                marker.scan_root(i, roots_[i].start, roots_[i].end);
        for (uint32_t i = 0; i < tasks_.size(); i++) {
            for (const uint64_t value : tasks_[i].held)
                marker.take_register(i, value);
            if (tasks_[i].in_block)
                marker.take_block(marker.block_at(tasks_[i].sp), tasks_[i].root);
        }
        marker.follow_reachable();
        for (uint32_t i = 0; i < roots_.size(); i++)
            if (roots_[i].kind == UNPAIRED_HOLDER_STALE)
                marker.scan_stale_root(i, roots_[i].start, roots_[i].end);
        marker.follow_possible();
        marker.sort_the_lost();
        if (!first)
            marker.doubt_lost(
                [this](uint32_t block) { return is_on_its_way(block) || perhaps_in_register(block); });
    }

    bool any_lost() const
    {
        return std::any_of(marks_.begin(), marks_.end(), [](const reachability::Mark &mark) {
            return mark.state == reachability::State::lost;
        });
    }

    bool note_living()
    {
        if (!living_.resize(load(process.file->next_thread)))
            return false;
        const int own = sys::gettid();
        for (const Thread *t = load(process.threads, __ATOMIC_ACQUIRE); t != nullptr; t = t->next)
            for (const Task &task : tasks_)
                if (task.tid == load(t->tid) && task.tid != own && t->id < living_.size())
                    living_[t->id] = 1;
        return true;
    }

    bool count_lost()
    {
        if (!lost_of_site_.resize(load(process.file->next_site)))
            return false;
        for (size_t i = 0; i < items_.size(); i++)
            if (marks_[i].state == reachability::State::lost && !marks_[i].indirect &&
                items_[i].reference != 0)
                if (const uint32_t site = slot_at(items_[i].reference)->site; site < lost_of_site_.size())
                    lost_of_site_[site]++;
        return true;
    }

    /// Whether a block that looks lost was just acquired, or is just being released: then it is between two places, and
    /// nothing is told of it.
    bool is_on_its_way(uint32_t block)
    {
        constexpr uint32_t just_now_ms = 1000; // threads may have waited for a processor
        if (before_[block] == lost_before) {
            if (!perhaps_in_register(block))
                return false;
            if (slot_at(items_[block].reference)->time_ms + just_now_ms < now_ms())
                return false;
        }
        before_[block] = on_its_way;
        return true;
    }

    /// Whether a block that looks lost may be in a register of another thread: of the one that acquired it, as long
    /// as that lives, the block is of the present cycle, and not more are lost than registers can hold.
    bool perhaps_in_register(uint32_t block) const
    {
        if (items_[block].reference == 0)
            return false;
        const unpaired_slot &slot = *slot_at(items_[block].reference);
        return slot.thread < living_.size() && living_[slot.thread] != 0 &&
               slot.cycle == load(process.file->cycle) && slot.site < lost_of_site_.size() &&
               lost_of_site_[slot.site] <= registers_kept * (tasks_.size() - 1);
    }

    // ---- the result --------------------------------------------------------------------------------------------------

    void write()
    {
        // what is held matters least, if there is not room for all
        for (const bool held : {false, true}) {
            for (size_t i = 0; i < items_.size(); i++)
                if (items_[i].reference != 0 && !(i < before_.size() && before_[i] == on_its_way) &&
                    (marks_[i].state == reachability::State::reachable) == held)
                    tell(items_[i].reference, items_[i].sequence, marks_[i]);
            for (const Alias &alias : aliases_) {
                const size_t i = first_item(alias.address, items_.size());
                if (i < items_.size() && items_[i].address == alias.address &&
                    (marks_[i].state == reachability::State::reachable) == held)
                    tell(alias.reference, alias.sequence, marks_[i]);
            }
        }
        if (extent_ != nullptr)
            store(extent_->used, told_, __ATOMIC_RELEASE);
        preview();
    }

    bool next_extent()
    {
        constexpr uint32_t most_pages = 64;
        const uint64_t bytes = items_.size() * sizeof(unpaired_reach) + sizeof(unpaired_reach_look);
        const auto pages = static_cast<uint32_t>(
            std::min<uint64_t>(most_pages, (bytes + sizeof(unpaired_extent) + page - 1) / page));
        if (extent_ != nullptr)
            store(extent_->used, told_, __ATOMIC_RELEASE);
        extent_ = new_extent(UNPAIRED_EXTENT_REACH, pages, 0);
        if (extent_ == nullptr)
            return false;
        auto *look = reinterpret_cast<unpaired_reach_look *>(extent_ + 1);
        look->time_ms = time_ms_;
        look->cycle = load(process.file->cycle);
        entries_ = reinterpret_cast<unpaired_reach *>(look + 1);
        told_ = 0;
        room_ = static_cast<uint32_t>((pages * page - sizeof *extent_ - sizeof *look) / sizeof *entries_);
        return true;
    }

    void tell(uint32_t reference, uint32_t sequence, const reachability::Mark &mark)
    {
        if (load(slot_at(reference)->sequence) != sequence) // released meanwhile
            return;
        if (told_ == room_ && (disk_full_ || !next_extent())) {
            if (!disk_full_)
                count_drop(UNPAIRED_DROP_LOG);
            disk_full_ = true;
            return;
        }
        unpaired_reach &entry = entries_[told_++];
        entry.slot = reference;
        entry.sequence = sequence;
        entry.state = mark.state == reachability::State::lost       ? UNPAIRED_REACH_LOST
                      : mark.state == reachability::State::possibly ? UNPAIRED_REACH_POSSIBLY
                                                                    : UNPAIRED_REACH_REACHABLE;
        entry.flags = static_cast<uint16_t>((mark.interior ? UNPAIRED_REACH_INTERIOR : 0) |
                                            (mark.indirect ? UNPAIRED_REACH_INDIRECT : 0));
        entry.at = mark.at;
        switch (mark.kind) {
        case reachability::HolderKind::none:
            entry.holder = UNPAIRED_HOLDER_NONE;
            break;
        case reachability::HolderKind::root:
            entry.holder = roots_[mark.holder].kind;
            entry.by = roots_[mark.holder].tid;
            break;
        case reachability::HolderKind::in_register:
            entry.holder = UNPAIRED_HOLDER_REGISTER;
            entry.by = static_cast<uint32_t>(tasks_[mark.holder].tid);
            break;
        case reachability::HolderKind::block:
            entry.holder = UNPAIRED_HOLDER_BLOCK;
            entry.by = items_[mark.holder].reference;
            break;
        }
    }

    /// The first bytes of a few lost blocks of each site.
    void preview()
    {
        if (!lost_of_site_.resize(load(process.file->next_site)))
            return;
        memset(lost_of_site_.data(), 0, lost_of_site_.size() * sizeof(uint32_t));
        unsigned all = 0;
        for (size_t i = 0; i < items_.size() && all < most_previews; i++) {
            const Item &item = items_[i];
            if (item.reference == 0 || marks_[i].state == reachability::State::reachable)
                continue;
            const uint32_t site = slot_at(item.reference)->site;
            if (site >= lost_of_site_.size() || lost_of_site_[site]++ >= previews_of_a_site)
                continue;
            uint8_t bytes[preview_bytes];
            unpaired_record_preview record{};
            record.image = own_image();
            record.length = static_cast<uint16_t>(
                memory_.copy(item.address, bytes, std::min<uint64_t>(item.size, preview_bytes)));
            record.slot = item.reference;
            record.sequence = item.sequence;
            record.time_ms = time_ms_;
            append(UNPAIRED_RECORD_PREVIEW, record, {bytes, record.length});
            all++;
        }
    }

    const uint64_t sp_;
    bool full_ = false;
    OwnMemory memory_;
    ScratchArray<Item> items_; ///< by address
    ScratchArray<Alias> aliases_;
    ScratchArray<Task> tasks_;
    ScratchArray<Root> roots_;
    ScratchArray<reachability::Block> blocks_;
    ScratchArray<reachability::Mark> marks_;
    ScratchArray<uint8_t> found_;
    ScratchArray<uint32_t> queue_, links_, index_;
    static constexpr uint8_t lost_before = 1, on_its_way = 2;
    ScratchArray<uint8_t> before_;        ///< by block, what the first look found, and then both
    ScratchArray<uint8_t> living_;        ///< by thread: it is another one, and lives
    ScratchArray<uint32_t> lost_of_site_; ///< by site: how many
    uint32_t time_ms_ = 0;
    unpaired_extent *extent_ = nullptr; ///< being written
    unpaired_reach *entries_ = nullptr;
    uint32_t told_ = 0, room_ = 0;
    bool disk_full_ = false;
};

__attribute__((noinline)) void look_from(uint64_t sp)
{
    Look look(sp);
    if (const char *problem = look.run())
        write_note(UNPAIRED_NOTE_REACH_UNKNOWN, problem);
}

} // namespace

__attribute__((noinline)) void look_who_holds()
{
    // What a call preserves may be in registers still: now it is on the stack, from here on up.
    __builtin_unwind_init();
    uint64_t sp;
#if defined(__x86_64__)
    __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
#elif defined(__aarch64__)
    __asm__ volatile("mov %0, sp" : "=r"(sp));
#endif
    look_from(sp);
    __asm__ volatile("" ::: "memory"); // no tail call: this frame is the one to begin with
}

} // namespace unpaired
