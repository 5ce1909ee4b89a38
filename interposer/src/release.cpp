// Releases: what is known of a handle before the real call, and what became of it after.
#include "recorder.h"

#include "anomalies.h"

namespace unpaired {
namespace {

/// Takes a held lock out of the thread's own chain; youngest first.
uint32_t take_held(Thread &thread, unsigned space, uint64_t handle)
{
    uint32_t *link = &thread.held;
    while (*link != 0) {
        unpaired_slot &slot = *slot_at(*link);
        if (UNPAIRED_UNLIKELY(!live(slot))) { // another thread unlocked it meanwhile
            const uint32_t ended = *link;
            *link = slot.next;
            send_home(thread, ended);
            continue;
        }
        if (slot.handle == handle && slot.space == space) {
            const uint32_t found = *link;
            *link = slot.next;
            return claim(slot) ? found : 0;
        }
        link = &slot.next;
    }
    return 0;
}

/// Somebody else's: claimed where it is, and left for its holder to unlink.
bool claim_held_elsewhere(unsigned space, uint64_t handle)
{
    return any_slot([&](unpaired_slot &slot) {
        return slot.handle == handle && slot.space == space && live(slot) && claim(slot);
    });
}

void unlock(Releasing &r, const Caller &caller)
{
    Thread &thread = *r.thread;
    const Busy busy(thread, caller.sp);
    r.slot = take_held(thread, r.space, r.handle);
    if (r.slot == 0 && claim_held_elsewhere(r.space, r.handle))
        r.thread = nullptr;
}

constexpr unsigned early_kept = 64;
uint64_t early[early_kept]; // handles, of the space thread only
uint32_t early_next, early_expected;

} // namespace

void early_releases_begin() { add(early_expected, 1u); }
void early_releases_end() { add(early_expected, ~0u); }

static void remember_early_release(uint64_t handle)
{
    if (load(early_expected) != 0)
        store(early[add(early_next, 1u) % early_kept], handle, __ATOMIC_RELEASE);
}

bool early_release_of(uint64_t handle)
{
    for (uint64_t &kept : early) {
        uint64_t expected = handle;
        if (__atomic_compare_exchange_n(&kept, &expected, uint64_t{0}, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

Releasing begin_release(const Caller &caller, unsigned function, unsigned space, uint64_t handle)
{
    Releasing r;
    r.function = function;
    r.space = space;
    r.handle = handle;
    r.thread = enter(caller.sp);
    if (r.thread == nullptr)
        return r;
    Thread &thread = *r.thread;
    if (in_vfork_child(thread) && foreign_to_vfork(space)) {
        r.thread = nullptr;
        return r;
    }
    if (kind_of_space[space] == UNPAIRED_KIND_HELD) {
        unlock(r, caller);
        return r;
    }
    const KeepErrno keep(thread);
    const Busy busy(thread, caller.sp);
    if (space == UNPAIRED_SPACE_fd) {
        const int fd = static_cast<int>(handle);
        const index::Descriptor known = index::descriptor(fd);
        if (known.slot == 0)
            return r;
        if (known.retired) {
            r.previous = known.slot;
            return r;
        }
        if (slot_at(known.slot)->space != UNPAIRED_SPACE_fd) {
            index::retire_descriptor(fd);
            r.belongs_elsewhere = true;
            r.previous = known.slot;
            return r;
        }
        // Claim first: so a live slot always has an entry, even if a signal handler leaves by longjmp in between.
        if (!claim(*slot_at(known.slot))) {
            r.previous = known.slot;
            return r;
        }
        r.slot = known.slot;
        index::retire_descriptor_of(fd, known.slot);
    } else {
        r.slot = index::take(space, handle);
        if (r.slot == 0 && space == UNPAIRED_SPACE_thread)
            remember_early_release(handle);
    }
    if (r.slot == 0)
        return r;
    r.site = site_here(thread, function, site_info(slot_at(r.slot)->site).family, caller);
    return r;
}

namespace {

void release_of_unknown(Releasing &r, const Caller &caller, bool succeeded, int64_t result, int error)
{
    Thread &thread = *r.thread;
    const uint8_t kind = kind_of_space[r.space];
    if (r.belongs_elsewhere && succeeded) { // close(fileno(stream))
        const unpaired_slot &owner = *slot_at(r.previous);
        Anomaly anomaly{UNPAIRED_ANOMALY_MISMATCHED_RELEASE, owner.space, r.function};
        anomaly.acquire_site = owner.site;
        anomaly.release_site = site_here(thread, r.function, UNPAIRED_FAMILY_NONE, caller);
        anomaly.handle = r.handle;
        record_anomaly(anomaly);
        return;
    }
    // What was made before us, by static initialisers, or inherited, is none of our business if it went well.
    const bool failed = kind == UNPAIRED_KIND_HELD ? !process.ever_stopped && !process.forked : !succeeded;
    if (!failed || kind == UNPAIRED_KIND_IN_PLACE)
        return;
    Anomaly anomaly{UNPAIRED_ANOMALY_RELEASE_UNKNOWN, r.space, r.function};
    anomaly.release_site = site_here(thread, r.function, UNPAIRED_FAMILY_NONE, caller);
    anomaly.result = result;
    anomaly.error = error;
    anomaly.handle = r.handle;
    if (r.previous != 0) {
        const unpaired_slot &before = *slot_at(r.previous);
        if (!live(before) && before.handle == r.handle && before.space == r.space &&
            before.release_site != 0) {
            anomaly.kind = UNPAIRED_ANOMALY_DOUBLE_RELEASE;
            anomaly.acquire_site = before.site;
            anomaly.first_release_site = before.release_site;
        }
    }
    record_anomaly(anomaly);
}

} // namespace

void finish_release(Releasing &r, const Caller &caller, bool succeeded, bool gone, int64_t result, int error)
{
    if (r.thread == nullptr)
        return;
    Thread &thread = *r.thread;
    const KeepErrno keep(thread);
    const Busy busy(thread, caller.sp);
    if (succeeded)
        called_to_release(r.function, thread, caller);
    if (r.slot == 0) {
        release_of_unknown(r, caller, succeeded, result, error);
        return;
    }
    unpaired_slot &slot = *slot_at(r.slot);
    if (gone && succeeded) {
        if (kind_of_space[r.space] != UNPAIRED_KIND_HELD)
            check_match(slot, site_info(slot.site), r.function, r.site);
        retire(thread, r.slot, r.site);
        return;
    }
    if (r.site == 0)
        r.site = site_here(thread, r.function, site_info(slot.site).family, caller);
    Anomaly anomaly{gone ? UNPAIRED_ANOMALY_RELEASED_WITH_ERROR : UNPAIRED_ANOMALY_RELEASE_FAILED, r.space,
                    r.function};
    anomaly.acquire_site = slot.site;
    anomaly.release_site = r.site;
    anomaly.result = result;
    anomaly.error = error;
    anomaly.observed = slot.observed;
    anomaly.observed_result = slot.observed_result;
    anomaly.handle = slot.handle;
    anomaly.size = slot.size;
    if (gone) {
        record_anomaly(anomaly);
        retire(thread, r.slot, r.site);
        return;
    }
    if (r.space ==
        UNPAIRED_SPACE_fd) { // only EBADF leaves a descriptor "as it was": the kernel had lost it before
        anomaly.kind = UNPAIRED_ANOMALY_RELEASE_UNKNOWN;
        record_anomaly(anomaly);
        count_released_unseen(thread, slot);
        retire(thread, r.slot, r.site);
        return;
    }
    record_anomaly(anomaly);
    slot.release_site = r.site;
    restore(slot);
    if (kind_of_space[r.space] == UNPAIRED_KIND_HELD) {
        slot.next = thread.held;
        thread.held = r.slot;
    } else if (!index::enter_again(r.slot)) {
        count_drop(UNPAIRED_DROP_INDEX);
    }
}

void released_by(Thread *thread, const Caller &caller, unsigned function, unsigned space, uint64_t handle)
{
    if (thread == nullptr || (foreign_to_vfork(space) && in_vfork_child(*thread)))
        return;
    const KeepErrno keep(*thread);
    const Busy busy(*thread, caller.sp);
    uint32_t reference = 0;
    if (space == UNPAIRED_SPACE_fd) {
        const index::Descriptor known = index::retire_descriptor(static_cast<int>(handle));
        if (known.slot != 0 && !known.retired && slot_at(known.slot)->space == space &&
            claim(*slot_at(known.slot)))
            reference = known.slot;
    } else {
        reference = index::take(space, handle);
    }
    if (reference == 0)
        return;
    const uint32_t site = site_here(*thread, function, site_info(slot_at(reference)->site).family, caller);
    retire(*thread, reference, site);
}

} // namespace unpaired
