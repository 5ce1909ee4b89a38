// The ledger: slots for what is live, counters per call site. Per thread, without locks; a slot may be retired by
// any thread and finds its way home.
#pragma once

#include "state.h"

namespace unpaired {

/// This thread's state, made or taken over if need be; nullptr when there is no memory for one.
Thread *attach_thread();
Thread *attach_stand_in(Thread &thread);

/// Takes a free slot of the thread; 0 when there is no room (counted as a drop by the caller). Its sequence is even.
uint32_t take_slot(Thread &thread);
/// Gives back a slot that was never published.
void return_unused(Thread &thread, uint32_t slot);

struct Acquired {
    uint64_t handle, size;
    uint32_t site, parent, parent_sequence;
    uint8_t space, flags;
};
/// Fills a slot and publishes it: fields first, the sequence last. Counts it under its site.
void publish(Thread &thread, uint32_t slot, const Acquired &acquired);

/// Takes a live slot out of the ledger: exactly one of two racing releases succeeds. The slot is the caller's then,
/// to `send_home` or to `restore`.
bool claim(unpaired_slot &slot);
/// A claimed slot whose resource still exists after all becomes live again, as if nothing had happened.
void restore(unpaired_slot &slot);
/// A claimed slot goes back to the thread it came from; its contents stay until it is used again.
void send_home(Thread &thread, uint32_t slot);

void count_failed(Thread &thread, uint32_t site);
void count_released_unseen(Thread &thread, uint32_t site);

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

} // namespace unpaired
