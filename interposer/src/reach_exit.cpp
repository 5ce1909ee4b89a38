#include "reach_exit.h"

#include "ledger.h"
#include "lifecycle.h"
#include "mapping.h"
#include "modules.h"
#include "open_aside.h"
#include "own_memory.h"
#include "own_stack.h"
#include "reach_freed.h"
#include "reach_layout.h"
#include "recorder.h"
#include "search_share.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <time.h>

namespace unpaired {
namespace {

constexpr uint64_t page = 4096;
constexpr unsigned registers_kept =
    6; // that a call preserves: in a system call they may be all that holds a block
constexpr long pause_between_looks_ns = 5'000'000;
constexpr unsigned preview_bytes = 32, previews_of_a_site = 3, most_previews = 500;

/// A slot whose handle is the address of a block of another one: an addrinfo list.
struct Alias {
    uint64_t address;
    uint32_t reference, sequence;
};

/// The memory of a block that was freed and whose slot still tells of it.
struct Freed {
    uint64_t start, end;
    uint32_t reference;
    uint32_t number; ///< of its release, among those of blocks of its shard; wraps
    uint16_t shard;
    bool doubtful; ///< another one had this memory too, and which was the last is not known
};

/// Where the search was asked for: the thread stands still, with what it uses of its stack from `sp` on.
struct Place {
    int tid;
    uint64_t sp;
    DescriptorsOfItsOwn aside;
};

class Look {
public:
    explicit Look(const Place &place) : place_(place) {}

    /// Searches, and records the result, or the reason why there is no result.
    void run()
    {
        if (!collect()) {
            write_note(UNPAIRED_NOTE_REACH_UNKNOWN, no_memory);
            return;
        }
        if (items_.size() == 0)
            return;
        uint64_t bytes = 0;
        for (const Item &item : items_)
            bytes += item.size;
        const bool small_child = is_small_child(items_.size(), bytes);
        if (small_child && is_one_of_many()) {
            write_note(UNPAIRED_NOTE_REACH_SKIPPED, "it is one of many forked children, and acquired little");
            return;
        }
        SearchShare share(items_.size());
        const char *problem = share.is_too_small() ? nullptr : search(share.budget());
        if (share.is_too_small() || problem == took_too_long)
            write_note(small_child ? UNPAIRED_NOTE_REACH_SKIPPED : UNPAIRED_NOTE_REACH_UNKNOWN,
                       share.explain(problem != nullptr));
        else if (problem != nullptr)
            write_note(UNPAIRED_NOTE_REACH_UNKNOWN, problem);
    }

private:
    /// Searches memory. Returns nullptr, or the reason why there is no result.
    const char *search(const Budget &budget)
    {
        layout_.sort_items();
        const char *problem = memory_.open(budget);
        if (problem == nullptr)
            problem = memory_.read_map();
        if (problem == nullptr)
            problem = layout_.find_tasks(place_.tid, place_.sp);
        if (problem == nullptr) {
            exclude_ourselves();
            if (self != nullptr)
                retire_freed_unseen(memory_, layout_, *self);
            problem = layout_.arrange();
        }
        if (problem == nullptr)
            problem = judge();
        if (problem == nullptr)
            write();
        return problem;
    }

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
        return room;
    }

    void exclude_ourselves()
    {
        memory_.exclude(place_.aside.stack_start(), place_.aside.stack_end());
        each_own_stack([this](uint64_t start, uint64_t end) { memory_.exclude(start, end); });
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
        exclude(first_);
    }

    const char *judge()
    {
        const size_t n = items_.size();
        if (n >= UINT32_MAX || !blocks_.resize(n) || !marks_.resize(n) || !found_.resize(n) ||
            !queue_.resize(n) || !links_.resize(n) || !index_.resize(n) || !first_.resize(n + 1))
            return no_memory;
        for (size_t i = 0; i < n; i++)
            blocks_[i] = {items_[i].address, items_[i].size, items_[i].mapping};
        exclude_scratch();
        if (!collect_freed())
            return no_memory;
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
                                  queue_.data(), links_.data(), index_.data(), first_.data()},
                                 sizeof(void *));
        memory_.forget_kept();
        marker.collect_pointers();
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
        marker.doubt_lost([&](uint32_t block) {
            return is_reservation(block) || (!first && (is_on_its_way(block) || perhaps_in_register(block)));
        });
        for (uint32_t i = 0; i < freed_.size(); i++)
            if (!freed_[i].doubtful)
                scan_freed(marker, i);
    }

    /// Whether it is address space that was reserved: addresses in it are computed, from an index or half a pointer.
    bool is_reservation(uint32_t block) const
    {
        const Item &item = items_[block];
        return item.mapping && (slot_at(item.reference)->flags & UNPAIRED_SLOT_RESERVED) != 0;
    }

    /// The blocks whose release a thread still remembers; of each thread the last one first.
    bool collect_freed()
    {
        for (const Thread *t = load(process.threads, __ATOMIC_ACQUIRE); t != nullptr; t = t->next) {
            const uint32_t end = load(t->retired_at);
            for (uint32_t age = 1; age <= retired_kept; age++) {
                const uint32_t number = end - age, reference = load(t->retired[number % retired_kept]);
                if (reference == 0 || !plausible_slot(reference))
                    continue;
                const unpaired_slot &slot = *slot_at(reference);
                if (live(slot) || slot.space != UNPAIRED_SPACE_heap || slot.release_site == 0 ||
                    slot.size == 0 || slot.shard != t->shard)
                    continue;
                if (!freed_.push({slot.handle, slot.handle + slot.size, reference, number, t->shard, false}))
                    return false;
            }
        }
        std::sort(freed_.begin(), freed_.end(),
                  [](const Freed &a, const Freed &b) { return a.start < b.start; });
        // Of two that had the same memory, one after the other, the later one left what stands there now.
        Freed *last = nullptr;
        for (Freed &one : freed_) {
            if (last != nullptr && one.start < last->end) {
                const bool same_thread = one.shard == last->shard,
                           later = static_cast<int32_t>(one.number - last->number) > 0;
                one.doubtful = !same_thread || !later;
                last->doubtful = last->doubtful || !same_thread || later;
            }
            if (last == nullptr || one.end > last->end || last->doubtful)
                last = &one;
        }
        std::sort(freed_.begin(), freed_.end(), [](const Freed &a, const Freed &b) {
            return a.shard != b.shard ? a.shard < b.shard : static_cast<int32_t>(a.number - b.number) > 0;
        });
        exclude(freed_);
        return true;
    }

    /// What of a freed block nobody was given since. A block may have the address of one that the freed block pointed to:
    /// it counts only if it was there before the release. Order is known within a thread.
    void scan_freed(OwnMemory::Marker &marker, uint32_t number)
    {
        const Freed &freed = freed_[number];
        const auto was_there = [&](uint32_t block) {
            if (items_[block].reference == 0 || items_[block].mapping)
                return false;
            const unpaired_slot &slot = *slot_at(items_[block].reference);
            return slot.shard == freed.shard && static_cast<int32_t>(freed.number - slot.next) >= 0;
        };
        layout_.between_blocks(freed.start, freed.end, [&](uint64_t start, uint64_t end) {
            marker.scan_freed(number, start, end, was_there);
        });
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
        for (const Thread *t = load(process.threads, __ATOMIC_ACQUIRE); t != nullptr; t = t->next)
            for (const Task &task : tasks_)
                if (task.tid == load(t->tid) && task.tid != place_.tid && t->id < living_.size())
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

    void write()
    {
        // what is held matters least, if there is not room for all
        for (const bool held : {false, true}) {
            for (size_t i = 0; i < items_.size(); i++)
                if (items_[i].reference != 0 && !(i < before_.size() && before_[i] == on_its_way) &&
                    (marks_[i].state == reachability::State::reachable) == held)
                    tell(items_[i].reference, items_[i].sequence, marks_[i]);
            for (const Alias &alias : aliases_) {
                const size_t i = layout_.first_item(alias.address);
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
        case reachability::HolderKind::freed:
            entry.holder = UNPAIRED_HOLDER_FREED;
            entry.by = freed_[mark.holder].reference;
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

    const Place &place_;
    OwnMemory memory_;
    Layout layout_{memory_};
    ScratchArray<Item> &items_ = layout_.items;
    ScratchArray<Root> &roots_ = layout_.roots;
    ScratchArray<Task> &tasks_ = layout_.tasks;
    ScratchArray<Alias> aliases_;
    ScratchArray<Freed> freed_;
    ScratchArray<reachability::Block> blocks_;
    ScratchArray<reachability::Mark> marks_;
    ScratchArray<uint8_t> found_;
    ScratchArray<uint32_t> queue_, links_, index_, first_;
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

void look_from(void *place)
{
    Look look(*static_cast<const Place *>(place));
    look.run();
}

/// Whether a file can be opened.
bool descriptors_left()
{
    const long fd = open_aside("/proc/self/maps");
    if (fd >= 0)
        sys::call(SYS_close, fd);
    return fd != -EMFILE;
}

} // namespace

void look_who_holds(uint64_t sp)
{
    Place place{sys::gettid(), sp, {}};
    if (descriptors_left() || !place.aside.call(look_from, &place))
        look_from(&place);
}

} // namespace unpaired
