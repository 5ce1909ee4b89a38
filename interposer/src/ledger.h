// The ledger: slots for what is live, counters per call site. Per thread, without locks; a slot may be retired by
// any thread and finds its way home.
#pragma once

#include "event_log.h"
#include "mapping.h"

namespace unpaired {

/// This thread's state, made or taken over if need be; nullptr when there is no memory for one.
Thread *attach_thread();
Thread *attach_stand_in(Thread &thread);
/// Does the same as attach_thread() for code without thread-local storage of its own: finds the state by the kernel's
/// thread number.
Thread *attach_foreign_thread();

/// Takes a free slot of the thread; 0 when there is no room (counted as a drop by the caller). Its sequence is even.
inline uint32_t take_slot(Thread &thread);
/// Gives back a slot that was never published.
void return_unused(Thread &thread, uint32_t slot);

struct Acquired {
    uint64_t handle, size;
    uint32_t site, parent, parent_sequence;
    uint8_t space, flags;
};
/// Fills a slot and publishes it: fields first, the sequence last. Counts it under its site.
inline void publish(Thread &thread, uint32_t slot, const Acquired &acquired);
/// The two halves of publish(). The caller enters the slot in the index in between. So a live slot always has an
/// entry, even if a signal handler leaves by longjmp.
inline void fill(Thread &thread, uint32_t slot, const Acquired &acquired);
inline void make_live(Thread &thread, uint32_t slot, const Acquired &acquired);

/// Takes a live slot out of the ledger: exactly one of two racing releases succeeds. The slot is the caller's then,
/// to `send_home` or to `restore`.
inline bool claim(unpaired_slot &slot);
/// A claimed slot whose resource still exists after all becomes live again, as if nothing had happened.
void restore(unpaired_slot &slot);
/// A claimed slot goes back to the thread it came from; its contents stay until it is used again.
inline void send_home(Thread &thread, uint32_t slot);

void count_failed(Thread &thread, uint32_t site);
/// The release of a claimed slot was not seen.
void count_released_unseen(Thread &thread, unpaired_slot &slot);
/// What is left of a live mapping that was cut.
void cut(Thread &thread, uint32_t slot, uint64_t handle, uint64_t size);

inline bool live(const unpaired_slot &slot) { return (load(slot.sequence, __ATOMIC_ACQUIRE) & 1) != 0; }

/// Whether `reference` names a slot at all: a tag may be damaged. Cheap.
bool plausible_slot(uint32_t reference);
/// Calls `visit(slot)` for every slot of this image, live or not, until it returns true; for searches off the hot
/// path. Returns whether one did.
template <class Visit> bool any_slot(Visit visit)
{
    for (uint32_t page = load(process.last_slots_page, __ATOMIC_ACQUIRE); page != 0;) {
        auto *extent =
            reinterpret_cast<unpaired_extent *>(process.base + uint64_t{page} * UNPAIRED_TRACE_PAGE);
        auto *slot = reinterpret_cast<unpaired_slot *>(extent + 1);
        const auto *end = reinterpret_cast<unpaired_slot *>(reinterpret_cast<uint8_t *>(extent) +
                                                            uint64_t{extent->pages} * UNPAIRED_TRACE_PAGE);
        for (; slot != end; slot++)
            if (visit(*slot))
                return true;
        page = extent->previous;
    }
    return false;
}

/// Takes note that threads may have ended: for each state whose thread the kernel no longer has and which still
/// holds locks, a THREAD_END record.
void record_ended_threads();

/// In a forked child: no thread of the parent's exists here; the calling thread's state starts afresh.
void forget_threads_of_parent();

// ---- how: what every event does stands here, so that it is compiled into the hooks ------------------------------

/// Slots of this thread that others retired, else new ones, as a chain; 0 when there is no room.
uint32_t refill_slots(Thread &thread);
/// The counter of a site that this thread has not counted under yet; nullptr when there is no room.
unpaired_counter *new_counter(Thread &thread, uint32_t site);
/// Puts a claimed slot onto the list of the thread it came from.
void send_to_its_thread(uint32_t slot);

inline unpaired_counter *counter(Thread &thread, uint32_t site)
{
    const uint32_t block = site / UNPAIRED_COUNTERS_PER_BLOCK, root = block / counter_leaf;
    const CounterLeaf *leaf = UNPAIRED_LIKELY(root < counter_root) ? thread.counters[root] : nullptr;
    unpaired_counter_block *at =
        UNPAIRED_LIKELY(leaf != nullptr) ? leaf->block[block % counter_leaf] : nullptr;
    return UNPAIRED_LIKELY(at != nullptr) ? &at->counter[site % UNPAIRED_COUNTERS_PER_BLOCK]
                                          : new_counter(thread, site);
}

/// What a retired slot of this thread no longer holds.
inline void settle(Thread &thread, const unpaired_slot &slot)
{
    if (slot.size != 0)
        if (unpaired_counter *c = counter(thread, slot.site))
            c->live_bytes -= static_cast<int64_t>(slot.size);
}

inline uint32_t take_slot(Thread &thread)
{
    uint32_t slot = thread.free_slots;
    if (UNPAIRED_UNLIKELY(slot == 0)) {
        slot = refill_slots(thread);
        if (slot == 0)
            return 0;
    }
    thread.free_slots = slot_at(slot)->next;
    __builtin_prefetch(slot_at(thread.free_slots),
                       1); // what lives long leaves the list scattered over the file
    return slot;
}

inline void fill(Thread &thread, uint32_t reference, const Acquired &acquired)
{
    unpaired_slot &slot = *slot_at(reference);
    // The index may read a slot that it entered under an earlier handle, so each field is one store.
    store(slot.handle, acquired.handle);
    store(slot.size, acquired.size);
    slot.site = acquired.site;
    slot.time_ms = now_ms();
    slot.cycle = load(process.file->cycle);
    slot.thread = thread.id;
    slot.parent = acquired.parent;
    slot.parent_sequence = acquired.parent_sequence;
    slot.release_site = 0;
    slot.observed = 0;
    slot.observed_result = 0;
    store(slot.space, acquired.space);
    slot.flags = acquired.flags;
    slot.image = process.image;
    store(slot.next, acquired.space == UNPAIRED_SPACE_heap ? thread.retired_at : 0u);
    slot.descriptor = 0;
}

inline void make_live(Thread &thread, uint32_t reference, const Acquired &acquired)
{
    unpaired_slot &slot = *slot_at(reference);
    store(slot.sequence, slot.sequence + 1, __ATOMIC_RELEASE);
    if (unpaired_counter *c = counter(thread, acquired.site)) {
        c->acquired++;
        if (acquired.size != 0) {
            c->bytes += acquired.size;
            c->live_bytes += static_cast<int64_t>(acquired.size);
            if (c->live_bytes > static_cast<int64_t>(c->peak_bytes))
                c->peak_bytes = static_cast<uint64_t>(c->live_bytes);
        }
        log_acquired(thread, reference, acquired.site, acquired.size, *c);
    }
}

inline void publish(Thread &thread, uint32_t reference, const Acquired &acquired)
{
    fill(thread, reference, acquired);
    make_live(thread, reference, acquired);
}

inline bool claim(unpaired_slot &slot)
{
    uint32_t sequence = load(slot.sequence, __ATOMIC_ACQUIRE);
    return (sequence & 1) != 0 && __atomic_compare_exchange_n(&slot.sequence, &sequence, sequence + 1, false,
                                                              __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

inline void send_home(Thread &thread, uint32_t reference)
{
    unpaired_slot &slot = *slot_at(reference);
    if (UNPAIRED_UNLIKELY(slot.shard != thread.shard)) {
        send_to_its_thread(reference);
        return;
    }
    settle(thread, slot);
    log_released(thread, reference);
    uint32_t &place = thread.retired[thread.retired_at++ % retired_kept];
    const uint32_t oldest = place;
    place = reference;
    if (oldest != 0) {
        store(slot_at(oldest)->next, thread.free_slots); // the index may still read it
        thread.free_slots = oldest;
    }
}

} // namespace unpaired
