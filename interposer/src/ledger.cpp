// Slots and counters. A slot's sequence is odd while it is live; it is the last store of a publication, and
// changing it by compare-and-swap is the claim of a release.
#include "ledger.h"

#include "mapping.h"
#include "thread_number.h"
#include "walk_frame_pointers.h"

#include <cerrno>

namespace unpaired {
namespace {

constexpr uint32_t largest_slots_pages = 16;
constexpr uint32_t largest_counter_pages = 4;
constexpr uint32_t most_shards = 65535;

Thread **shards[256]; // shard number → state, two levels of 256

Thread *shard_at(uint16_t shard)
{
    Thread **page = load(shards[shard >> 8], __ATOMIC_ACQUIRE);
    return page != nullptr ? load(page[shard & 255], __ATOMIC_ACQUIRE) : nullptr;
}

bool register_shard(Thread &thread)
{
    Thread **page = load(shards[thread.shard >> 8], __ATOMIC_ACQUIRE);
    if (page == nullptr) {
        auto **fresh = static_cast<Thread **>(sys::anonymous(256 * sizeof(void *)));
        Thread **none = nullptr;
        if (fresh == nullptr)
            return false;
        if (__atomic_compare_exchange_n(&shards[thread.shard >> 8], &none, fresh, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            page = fresh;
        else
            page = none;
    }
    store(page[thread.shard & 255], &thread, __ATOMIC_RELEASE);
    return true;
}

Thread *new_state(int tid)
{
    const uint32_t shard = add(process.next_shard, 1u) + 1;
    if (shard > most_shards)
        return nullptr;
    auto *thread = static_cast<Thread *>(sys::anonymous(sizeof(Thread)));
    if (thread == nullptr)
        return nullptr;
    thread->tid = tid;
    thread->site_cache = thread->first_site_cache;
    thread->site_cache_mask = site_cache_size - 2;
    thread->shard = static_cast<uint16_t>(shard);
    begin_thread_walks(thread->last_stack);
    thread->id = add(process.file->next_thread, 1u);
    if (!register_shard(*thread))
        return nullptr;
    Thread *head = load(process.threads);
    do
        thread->next = head;
    while (!__atomic_compare_exchange_n(&process.threads, &head, thread, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
    return thread;
}

bool thread_exists(const Thread &thread, int tid)
{
    constexpr long no_such_thread = -3; // −ESRCH
    return (thread.apart == Apart::no ? sys::call(SYS_tgkill, process.pid, tid, 0)
                                      : sys::call(SYS_tkill, tid, 0)) != no_such_thread;
}

/// Returns a state whose thread has ended: one with our own number (the kernel has assigned it again), or one of a
/// few candidates whose number the kernel no longer uses. The recorder registers nothing with the C library to
/// observe a thread's end: the program could see the number of a key, and the order of destructors.
Thread *take_over(int tid)
{
    constexpr unsigned looked_at = 4;
    for (Thread *t = load(process.threads, __ATOMIC_ACQUIRE); t != nullptr; t = t->next)
        if (load(t->tid) == tid)
            return t;
    // Sealed: another thread has the same address of errno only after this one has ended.
    if (sys::sealed())
        for (Thread *t = load(process.threads, __ATOMIC_ACQUIRE); t != nullptr; t = t->next)
            if (t->errno_at == &errno && load(t->tid) > 0) {
                store(t->tid, tid);
                return t;
            }
    const uint32_t states = load(process.next_shard);
    for (unsigned k = 0; k < looked_at && states != 0; k++) {
        Thread *t = shard_at(static_cast<uint16_t>(add(process.thread_cursor, 1u) % states + 1));
        if (t == nullptr)
            continue;
        int theirs = load(t->tid);
        if (theirs <= 0 || thread_exists(*t, theirs))
            continue;
        if (__atomic_compare_exchange_n(&t->tid, &theirs, tid, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return t;
    }
    return nullptr;
}

uint32_t more_slots(Thread &thread)
{
    // Half as many again, not twice as many: of hundreds of threads each keeps some 300 slots and no more.
    uint32_t pages = thread.slots_pages < 2 ? 1 : thread.slots_pages / 2;
    if (pages > largest_slots_pages)
        pages = largest_slots_pages;
    unpaired_extent *extent = new_extent(UNPAIRED_EXTENT_SLOTS, pages, thread.shard);
    if (extent == nullptr)
        return 0;
    thread.slots_pages += pages;
    const auto page =
        static_cast<uint32_t>((reinterpret_cast<uint8_t *>(extent) - process.base) / UNPAIRED_TRACE_PAGE);
    uint32_t last = load(process.last_slots_page);
    do
        extent->previous = last;
    while (!__atomic_compare_exchange_n(&process.last_slots_page, &last, page, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
    auto *first = reinterpret_cast<unpaired_slot *>(extent + 1);
    const uint32_t n = pages * UNPAIRED_TRACE_PAGE / sizeof(unpaired_slot) - 1;
    for (uint32_t i = 0; i < n; i++) {
        first[i].shard = thread.shard;
        first[i].next = i + 1 < n ? reference_of(first + i + 1) : 0;
    }
    return reference_of(first);
}

} // namespace

unpaired_counter *new_counter(Thread &thread, uint32_t site)
{
    const uint32_t block = site / UNPAIRED_COUNTERS_PER_BLOCK;
    const uint32_t root = block / counter_leaf;
    if (UNPAIRED_UNLIKELY(root >= counter_root))
        return nullptr;
    CounterLeaf *leaf = thread.counters[root];
    if (UNPAIRED_UNLIKELY(leaf == nullptr)) {
        if (thread.arena_left < sizeof(CounterLeaf)) {
            constexpr uint32_t arena_bytes = 16 * 1024;
            thread.arena = static_cast<uint8_t *>(sys::anonymous(arena_bytes));
            thread.arena_left = thread.arena != nullptr ? arena_bytes : 0;
            if (thread.arena == nullptr)
                return nullptr;
        }
        leaf = thread.counters[root] = reinterpret_cast<CounterLeaf *>(thread.arena);
        thread.arena += sizeof(CounterLeaf);
        thread.arena_left -= sizeof(CounterLeaf);
    }
    unpaired_counter_block *&at = leaf->block[block % counter_leaf];
    if (UNPAIRED_UNLIKELY(at == nullptr)) {
        if (thread.counter_blocks_left == 0) {
            // A short-lived child needs little; who has many sites gets larger pieces.
            uint32_t pages = thread.counter_extent == nullptr ? 1 : thread.counter_extent->pages * 2;
            if (pages > largest_counter_pages)
                pages = largest_counter_pages;
            unpaired_extent *extent = new_extent(UNPAIRED_EXTENT_COUNTERS, pages, thread.shard);
            if (extent == nullptr)
                return nullptr;
            thread.counter_extent = extent;
            thread.counter_blocks_left =
                (pages * UNPAIRED_TRACE_PAGE - sizeof(unpaired_extent)) / sizeof(unpaired_counter_block);
        }
        auto *blocks = reinterpret_cast<unpaired_counter_block *>(thread.counter_extent + 1);
        at = blocks + thread.counter_extent->used;
        at->first_site = block * UNPAIRED_COUNTERS_PER_BLOCK;
        store(thread.counter_extent->used, thread.counter_extent->used + 1, __ATOMIC_RELEASE);
        thread.counter_blocks_left--;
    }
    return &at->counter[site % UNPAIRED_COUNTERS_PER_BLOCK];
}

namespace {

/// Returns a fresh state for the thread `tid`.
Thread *attach(int tid)
{
    Thread *thread = take_over(tid);
    if (thread == nullptr)
        return new_state(tid);
    thread->busy_sp = 0;
    thread->last_stack.depth = 0; // the stack it tells of may be gone
    thread->last_stack.own_low = thread->last_stack.own_high = 0;
    begin_thread_walks(thread->last_stack);
    thread->enclosing = {};
    thread->scope_owner = thread->thread_owner = 0;
    thread->foreign = false;
    thread->apart = Apart::no;
    thread->vforks = 0;
    thread->seals_of_child = 0;
    thread->names_seen = 0;
    if (thread->held != 0) { // its locks stay behind under its number
        unpaired_record_thread_end end{thread->id, now_ms()};
        append(UNPAIRED_RECORD_THREAD_END, end);
        thread->held = 0;
        thread->id = add(process.file->next_thread, 1u);
        thread->named = false;
    }
    return thread;
}

} // namespace

Thread *attach_thread()
{
    Thread *thread = attach(number_of_this_thread());
    if (thread != nullptr)
        thread->errno_at = &errno;
    return thread;
}

Thread *attach_foreign_thread()
{
    const int tid = sys::gettid();
    for (Thread *t = load(process.threads, __ATOMIC_ACQUIRE); t != nullptr; t = t->next)
        if (load(t->tid) == tid && t->foreign)
            return t;
    Thread *thread = attach(tid);
    if (thread == nullptr)
        return nullptr;
    thread->foreign = true;
    thread->errno_at = &thread->errno_of_foreign;
    thread->apart = sys::getpid() == process.pid         ? Apart::no
                    : process.foreign_shares_descriptors ? Apart::process
                                                         : Apart::process_and_descriptors;
    return thread;
}

Thread *attach_stand_in(Thread &thread)
{
    if (thread.for_signals == nullptr)
        thread.for_signals = new_state(-1);
    if (thread.for_signals != nullptr) {
        thread.for_signals->errno_at = thread.errno_at;
        thread.for_signals->apart = thread.apart;
        thread.for_signals->id = thread.id;
        thread.for_signals->scope_owner = thread.scope_owner;
        thread.for_signals->thread_owner = thread.thread_owner;
    }
    return thread.for_signals;
}

uint32_t refill_slots(Thread &thread)
{
    const uint32_t slot = __atomic_exchange_n(&thread.retired_elsewhere, 0u, __ATOMIC_ACQUIRE);
    for (uint32_t s = slot; s != 0; s = slot_at(s)->next)
        settle(thread, *slot_at(s));
    log_came_home(thread, slot);
    return slot != 0 ? slot : more_slots(thread);
}

void return_unused(Thread &thread, uint32_t slot)
{
    unpaired_slot &s = *slot_at(slot);
    store(s.sequence, s.sequence + 2); // parts that took its number must not find it again
    store(s.next, thread.free_slots);
    thread.free_slots = slot;
}

void restore(unpaired_slot &slot) { store(slot.sequence, slot.sequence - 1, __ATOMIC_RELEASE); }

void send_to_its_thread(uint32_t reference)
{
    unpaired_slot &slot = *slot_at(reference);
    Thread *home = shard_at(slot.shard);
    if (home == nullptr)
        return;
    note_away(slot);
    uint32_t head = load(home->retired_elsewhere);
    do
        store(slot.next, head);
    while (!__atomic_compare_exchange_n(&home->retired_elsewhere, &head, reference, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
}

void count_failed(Thread &thread, uint32_t site)
{
    if (unpaired_counter *c = counter(thread, site))
        c->failed++;
}

void count_released_unseen(Thread &thread, unpaired_slot &slot)
{
    slot.flags |= UNPAIRED_SLOT_UNSEEN;
    if (unpaired_counter *c = counter(thread, slot.site))
        c->released_unseen++;
}

void cut(Thread &thread, uint32_t reference, uint64_t handle, uint64_t size)
{
    unpaired_slot &slot = *slot_at(reference);
    const uint64_t before = slot.size;
    store(slot.handle, handle);
    store(slot.size, size);
    if (slot.shard != thread.shard)
        return; // its own thread's counter and log are not ours to write
    if (unpaired_counter *c = counter(thread, slot.site))
        c->live_bytes -= static_cast<int64_t>(before - size);
    log_resized(thread, reference, size);
}

bool plausible_slot(uint32_t reference)
{
    const uint64_t offset = uint64_t{reference} * sizeof(unpaired_slot);
    return offset >= UNPAIRED_TRACE_PAGE && offset / UNPAIRED_TRACE_PAGE < load(process.file->next_page) &&
           offset < process.capacity;
}

void record_ended_threads()
{
    for (Thread *t = load(process.threads, __ATOMIC_ACQUIRE); t != nullptr; t = t->next) {
        const int tid = load(t->tid);
        if (tid > 0 && t->held != 0 && !thread_exists(*t, tid)) {
            unpaired_record_thread_end end{t->id, now_ms()};
            append(UNPAIRED_RECORD_THREAD_END, end);
        }
    }
}

void forget_threads_of_parent()
{
    for (auto &page : shards)
        page = nullptr;
    process.threads = nullptr;
    process.next_shard = 0;
    process.thread_cursor = 0;
    process.last_slots_page = 0;
}

} // namespace unpaired
