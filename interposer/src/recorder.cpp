#include "recorder.h"

#include "anomalies.h"
#include "mapping.h"
#include "modules.h"

#include <cstring>

namespace unpaired {

__thread Thread *self __attribute__((tls_model("initial-exec")));

Thread *enter_slowly(uint64_t sp)
{
    const KeepErrno keep;
    if (process.phase != Phase::recording && !start_recording())
        return nullptr;
    if (load(*fork_witness) == 0)
        become_child();
    if (self == nullptr) {
        self = attach_thread();
        if (self == nullptr) {
            count_drop(UNPAIRED_DROP_NO_SPACE);
            return nullptr;
        }
        read_thread_name(*self);
    }
    Thread *thread = self;
    if (thread->unwinding && inside(sp, thread->busy_sp))
        return nullptr;
    if (thread->busy_sp != 0) {
        if (!inside(sp, thread->busy_sp)) {
            thread->busy_sp = 0; // the handler that interrupted the recorder left it by longjmp
        } else {
            thread = attach_stand_in(*thread);
            if (thread == nullptr || (thread->busy_sp != 0 && inside(sp, thread->busy_sp))) {
                count_drop(UNPAIRED_DROP_REENTERED);
                return nullptr;
            }
            thread->busy_sp = 0;
            return thread;
        }
    }
    if (thread->names_seen != load(process.names))
        read_thread_name(*thread);
    return thread;
}

bool in_vfork_child(Thread &thread)
{
    if (UNPAIRED_LIKELY(!thread.vfork_pending))
        return false;
    if (sys::getpid() != process.pid)
        return true;
    thread.vfork_pending = false;
    return false;
}

uint32_t site_here(Thread &thread, unsigned function, unsigned family, const Caller &caller)
{
    Stack stack;
    thread.unwinding = true;
    walk_stack(caller, stack);
    thread.unwinding = false;
    return intern_site(thread, function, family, stack);
}

namespace {

bool foreign_to_vfork(unsigned space)
{
    return space != UNPAIRED_SPACE_heap && space != UNPAIRED_SPACE_mapping;
}

void retire_unseen(Thread &thread, uint32_t reference)
{
    unpaired_slot &slot = *slot_at(reference);
    if (slot.image != process.image || !claim(slot))
        return;
    count_released_unseen(thread, slot.site);
    send_home(thread, reference);
}

/// A slot lost under `release_site`: it stays unpaired for ever, as an anomaly, and its slot is free again.
void lose(Thread &thread, uint32_t reference, unpaired_anomaly_kind kind, unsigned function,
          uint32_t release_site)
{
    unpaired_slot &slot = *slot_at(reference);
    if (!claim(slot))
        return;
    Anomaly anomaly{kind, slot.space, function};
    anomaly.acquire_site = slot.site;
    anomaly.release_site = release_site;
    anomaly.handle = slot.handle;
    anomaly.size = slot.size;
    record_anomaly(anomaly);
    retire(thread, reference, release_site);
}

/// Makes a published slot findable by its handle; what stood there before tells of a release that went unseen, or
/// of an object initialised twice.
void enter_in_index(Thread &thread, uint32_t reference, const Acquisition &what, uint32_t site)
{
    if (what.space == UNPAIRED_SPACE_heap)
        return;
    bool ok = true;
    if (what.space == UNPAIRED_SPACE_fd) {
        const index::Descriptor before =
            index::enter_descriptor(static_cast<int>(what.handle), reference, ok);
        if (before.slot != 0 && !before.retired && slot_at(before.slot)->space == UNPAIRED_SPACE_fd)
            retire_unseen(thread, before.slot);
    } else if (kind_of_space[what.space] == UNPAIRED_KIND_RANGE) {
        ok = index::enter_range(reference);
    } else if (kind_of_space[what.space] == UNPAIRED_KIND_HELD) {
        slot_at(reference)->next = thread.held;
        thread.held = reference;
    } else {
        if (kind_of_space[what.space] != UNPAIRED_KIND_COUNTED) {
            if (const uint32_t before = index::take(what.space, what.handle); before != 0) {
                if (kind_of_space[what.space] == UNPAIRED_KIND_IN_PLACE)
                    lose(thread, before, UNPAIRED_ANOMALY_REINITIALISED_LIVE, what.function, site);
                else
                    retire_unseen(thread, before);
            }
        }
        ok = index::enter(reference);
    }
    if (!ok)
        count_drop(UNPAIRED_DROP_INDEX);
}

/// The slot of the acquisition we are inside of, made now if this is its first part.
void attach_to_parent(Thread &thread, Enclosing &outer, const Caller &caller, Acquired &acquired)
{
    if (outer.mode == Enclosure::none)
        return;
    if (outer.mode == Enclosure::own_parts) {
        const ModuleView *module = module_at(caller.pc - 1);
        if (module == nullptr || !module->libc)
            return;
    }
    if (outer.slot == 0) {
        outer.slot = take_slot(thread);
        if (outer.slot == 0)
            return;
        outer.sequence = slot_at(outer.slot)->sequence + 1;
    }
    acquired.parent = outer.slot;
    acquired.parent_sequence = outer.sequence;
}

uint32_t record(Thread &thread, Enclosing &outer, uint32_t reserved, const Caller &caller,
                const Acquisition &what)
{
    if (stopped()) {
        process.ever_stopped = true;
        return 0;
    }
    if (foreign_to_vfork(what.space) && in_vfork_child(thread))
        return 0;
    const uint32_t site = site_here(thread, what.function, what.family, caller);
    const uint32_t slot = site == 0 ? 0 : reserved != 0 ? reserved : take_slot(thread);
    if (slot == 0) {
        count_drop(UNPAIRED_DROP_NO_SPACE);
        return 0;
    }
    Acquired acquired{what.handle, what.size, site, 0, 0, static_cast<uint8_t>(what.space), 0};
    attach_to_parent(thread, outer, caller, acquired);
    publish(thread, slot, acquired);
    enter_in_index(thread, slot, what, site);
    return slot;
}

bool for_want_of_handles(unsigned space, int error)
{
    return error == EMFILE || error == ENFILE || (error == ENOBUFS && space == UNPAIRED_SPACE_lwip_socket) ||
           (error == EAGAIN && space == UNPAIRED_SPACE_key);
}

} // namespace

uint32_t finish_acquire(Acquiring &acquiring, const Caller &caller, const Acquisition &what)
{
    if (acquiring.thread == nullptr)
        return 0;
    Thread &thread = *acquiring.thread;
    const KeepErrno keep;
    const Busy busy(thread, caller.sp);
    const uint32_t reserved = thread.enclosing.slot;
    const uint32_t slot = record(thread, acquiring.outer, reserved, caller, what);
    if (reserved != 0 && slot != reserved)
        return_unused(thread, reserved);
    thread.enclosing = acquiring.outer;
    return slot;
}

uint32_t acquire_another(Thread *thread, const Caller &caller, const Acquisition &what)
{
    if (thread == nullptr)
        return 0;
    const KeepErrno keep;
    const Busy busy(*thread, caller.sp);
    Enclosing outer = enclosing_of(*thread, caller);
    const uint32_t slot = record(*thread, outer, 0, caller, what);
    if (outer.mode != Enclosure::none)
        thread->enclosing = outer;
    return slot;
}

void finish_hold(Thread *thread, const Caller &caller, const Acquisition &what)
{
    if (thread == nullptr)
        return;
    const KeepErrno keep;
    const Busy busy(*thread, caller.sp);
    Enclosing none{};
    record(*thread, none, 0, caller, what);
}

void finish_failed(Acquiring &acquiring, const Caller &caller, const Acquisition &what, int error)
{
    if (acquiring.thread == nullptr)
        return;
    Thread &thread = *acquiring.thread;
    finish_nothing(acquiring);
    note_failure(thread, caller, what, error);
}

void note_failure(Thread &thread, const Caller &caller, const Acquisition &what, int error)
{
    const KeepErrno keep;
    const Busy busy(thread, caller.sp);
    if (stopped() || (foreign_to_vfork(what.space) && in_vfork_child(thread)))
        return;
    // A lock that was not to be had, and "no such file", are what these calls are for.
    if (kind_of_space[what.space] == UNPAIRED_KIND_HELD)
        return;
    const uint32_t site = site_here(thread, what.function, what.family, caller);
    if (site == 0)
        return;
    count_failed(thread, site);
    if (for_want_of_handles(what.space, error)) {
        if (what.space == UNPAIRED_SPACE_fd)
            record_descriptor_limit();
        Anomaly anomaly{UNPAIRED_ANOMALY_LIMIT_REACHED, what.space, what.function};
        anomaly.acquire_site = site;
        anomaly.error = error;
        anomaly.result = -1;
        record_anomaly(anomaly);
    }
}

void finish_nothing(Acquiring &acquiring)
{
    if (acquiring.thread == nullptr)
        return;
    Thread &thread = *acquiring.thread;
    if (thread.enclosing.slot != 0)
        return_unused(thread, thread.enclosing.slot);
    thread.enclosing = acquiring.outer;
}

void retire(Thread &thread, uint32_t reference, uint32_t release_site)
{
    slot_at(reference)->release_site = release_site;
    send_home(thread, reference);
}

void check_match(Thread &, const unpaired_slot &slot, unsigned function, uint32_t release_site)
{
    const SiteInfo acquired = site_info(slot.site);
    Anomaly anomaly{UNPAIRED_ANOMALY_MISMATCHED_RELEASE, slot.space, function};
    anomaly.acquire_site = slot.site;
    anomaly.release_site = release_site;
    anomaly.handle = slot.handle;
    anomaly.size = slot.size;
    if (UNPAIRED_UNLIKELY(!serves(function, acquired.family)))
        record_anomaly(anomaly);
    if (acquired.owner_source == UNPAIRED_OWNER_SCOPE || acquired.owner_source == UNPAIRED_OWNER_RULE) {
        const SiteInfo released = site_info(release_site);
        if ((released.owner_source == UNPAIRED_OWNER_SCOPE || released.owner_source == UNPAIRED_OWNER_RULE) &&
            released.owner != acquired.owner) {
            anomaly.kind = UNPAIRED_ANOMALY_FOREIGN_RELEASE;
            record_anomaly(anomaly);
        }
    }
}

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

} // namespace

namespace {

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
    if (UNPAIRED_UNLIKELY(thread.vfork_pending) && foreign_to_vfork(space) && in_vfork_child(thread)) {
        r.thread = nullptr;
        return r;
    }
    if (kind_of_space[space] == UNPAIRED_KIND_HELD) {
        unlock(r, caller);
        return r;
    }
    const KeepErrno keep;
    const Busy busy(thread, caller.sp);
    if (space == UNPAIRED_SPACE_fd) {
        const index::Descriptor known = index::retire_descriptor(static_cast<int>(handle));
        if (known.slot == 0)
            return r;
        if (known.retired) {
            r.previous = known.slot;
            return r;
        }
        if (slot_at(known.slot)->space != UNPAIRED_SPACE_fd) {
            r.belongs_elsewhere = true;
            r.previous = known.slot;
            return r;
        }
        r.slot = known.slot;
    } else {
        r.slot = index::take(space, handle);
        if (r.slot == 0 && space == UNPAIRED_SPACE_thread)
            remember_early_release(handle);
    }
    if (r.slot == 0)
        return r;
    r.site = site_here(thread, function, site_info(slot_at(r.slot)->site).family, caller);
    if (!claim(*slot_at(r.slot)))
        r.slot = 0;
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
    const KeepErrno keep;
    const Busy busy(thread, caller.sp);
    if (r.slot == 0) {
        release_of_unknown(r, caller, succeeded, result, error);
        return;
    }
    unpaired_slot &slot = *slot_at(r.slot);
    if (gone && succeeded) {
        if (kind_of_space[r.space] != UNPAIRED_KIND_HELD)
            check_match(thread, slot, r.function, r.site);
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
        count_released_unseen(thread, slot.site);
        retire(thread, r.slot, r.site);
        return;
    }
    record_anomaly(anomaly);
    slot.release_site = r.site;
    restore(slot);
    if (kind_of_space[r.space] == UNPAIRED_KIND_HELD) {
        slot.next = thread.held;
        thread.held = r.slot;
    } else if (!index::enter(r.slot)) {
        count_drop(UNPAIRED_DROP_INDEX);
    }
}

void released_by(Thread *thread, const Caller &caller, unsigned function, unsigned space, uint64_t handle)
{
    if (thread == nullptr || (foreign_to_vfork(space) && in_vfork_child(*thread)))
        return;
    const KeepErrno keep;
    const Busy busy(*thread, caller.sp);
    uint32_t reference = 0;
    if (space == UNPAIRED_SPACE_fd) {
        const index::Descriptor known = index::retire_descriptor(static_cast<int>(handle));
        if (known.slot != 0 && !known.retired && slot_at(known.slot)->space == space)
            reference = known.slot;
    } else {
        reference = index::take(space, handle);
    }
    if (reference == 0)
        return;
    unpaired_slot &slot = *slot_at(reference);
    const uint32_t site = site_here(*thread, function, site_info(slot.site).family, caller);
    if (!claim(slot))
        return;
    retire(*thread, reference, site);
}

void storage_freed(Thread &thread, const Caller &caller, unsigned function, uint64_t from, uint64_t size)
{
    uint32_t site = 0;
    for (;;) {
        const uint32_t lost = index::take_in_place_within(from, size);
        if (UNPAIRED_LIKELY(lost == 0))
            return;
        if (site == 0)
            site = site_here(thread, function, UNPAIRED_FAMILY_NONE, caller);
        lose(thread, lost, UNPAIRED_ANOMALY_STORAGE_FREED_LIVE, function, site);
    }
}

void observed(const Caller &caller, unsigned function, unsigned space, uint64_t handle, int64_t result)
{
    Thread *thread = enter(caller.sp);
    if (thread == nullptr || in_vfork_child(*thread))
        return;
    const KeepErrno keep;
    const Busy busy(*thread, caller.sp);
    uint32_t reference;
    if (space == UNPAIRED_SPACE_fd) {
        const index::Descriptor known = index::descriptor(static_cast<int>(handle));
        reference = known.retired ? 0 : known.slot;
    } else {
        reference = index::find(space, handle);
    }
    if (reference == 0)
        return;
    unpaired_slot &slot = *slot_at(reference);
    slot.observed = static_cast<uint16_t>(function);
    slot.observed_result = static_cast<int16_t>(result > 32767 ? 32767 : result < -32768 ? -32768 : result);
}

} // namespace unpaired
