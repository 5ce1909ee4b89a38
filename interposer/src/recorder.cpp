#include "recorder.h"

#include "anomalies.h"
#include "mapping.h"
#include "modules.h"
#include "path_memo.h"

#include <csignal>
#include <cstring>

namespace unpaired {

__thread Thread *self __attribute__((tls_model("initial-exec")));

namespace {

/// States for one thread: its own, and one for each signal handler that interrupted the recorder in another.
constexpr unsigned most_states_of_thread = 9;

/// Returns true if an address lies on the stack on which the calling thread started. The C library stores a thread's
/// descriptor at the outer end of the stack. The kernel keeps 128 MiB below the start of the first thread's stack
/// free of mappings (arch/x86/mm/mmap.c, mm/util.c: mmap_base).
bool on_own_stack(const Thread &thread, uint64_t address)
{
    constexpr uint64_t stack_of_thread = 8u << 20, stack_of_first_thread = 128u << 20;
    const bool first = thread.tid == process.pid;
    return (first && process.stack_end - address < stack_of_first_thread) ||
           ((!first || process.forked) && sys::thread_pointer() - address < stack_of_thread);
}

/// Returns true if the hook that uses this state was left before its end: a signal handler interrupted the recorder
/// and left by longjmp, or the thread was cancelled. Returns false in doubt, and the thread's next state then records
/// the events. `base` is the thread's own state; `sp` is the stack pointer of the caller of another hook.
bool was_left(const Thread &base, const Thread &thread, uint64_t sp)
{
    const uint64_t mark = thread.busy_sp;
    stack_t alternate{};
    bool same_stack = false;
    if (sys::call(SYS_sigaltstack, 0, sys::of(&alternate)) == 0 && (alternate.ss_flags & SS_DISABLE) == 0) {
        const bool mark_there = mark - reinterpret_cast<uint64_t>(alternate.ss_sp) - 1 < alternate.ss_size;
        if ((alternate.ss_flags & SS_ONSTACK) == 0 && mark_there)
            return true;
        if ((alternate.ss_flags & SS_ONSTACK) != 0 && !mark_there)
            return false;
        same_stack = mark_there;
    }
    if (!same_stack && (!on_own_stack(base, sp) || !on_own_stack(base, mark)))
        return false;
    if (sp >= mark) // equal: the frame that called the hook calls another one
        return true;
#if defined(__x86_64__)
    // Another word in place of the return address shows that the stack was used again beyond the frame.
    return *reinterpret_cast<const volatile uint64_t *>(mark - 8) != thread.busy_pc;
#else
    return false;
#endif
}

/// Resets the states of a hook that was left and of the hooks that ran inside it.
void leave(Thread &left)
{
    const uint64_t sp = left.busy_sp;
    for (Thread *thread = &left; thread != nullptr; thread = thread->for_signals)
        thread->busy_sp = 0;
    release_module_lock_below(sp);
    release_unwind_lock_below(sp);
    release_path_lock_below(sp);
}

/// Returns the state for an event of this thread; `sp` is the stack pointer of the hook's caller. Returns a stand-in
/// if the event interrupts the recorder.
Thread *state_for_event(Thread *const own, uint64_t sp)
{
    Thread *thread = own;
    for (unsigned states = 1; thread->busy_sp != 0; states++) {
        if (was_left(*own, *thread, sp)) {
            leave(*thread);
            break;
        }
        Thread *const stand_in = states < most_states_of_thread ? attach_stand_in(*thread) : nullptr;
        if (stand_in == nullptr) {
            count_drop(UNPAIRED_DROP_REENTERED);
            return nullptr;
        }
        thread = stand_in;
    }
    if (thread == own && thread->names_seen != load(process.names))
        read_thread_name(*thread);
    return thread;
}

/// Does the same for code without thread-local storage of its own.
Thread *enter_foreign(uint64_t sp)
{
    if (load(*fork_witness) == 0) { // this is a forked child, and the forking thread is not known
        process.phase = Phase::off;
        return nullptr;
    }
    Thread *thread = attach_foreign_thread();
    if (thread == nullptr) {
        count_drop(UNPAIRED_DROP_NO_SPACE);
        return nullptr;
    }
    return state_for_event(thread, sp);
}

} // namespace

Thread *enter_slowly(uint64_t sp)
{
    if (UNPAIRED_UNLIKELY(!has_own_storage()))
        return enter_foreign(sp);
    const KeepErrno keep;
    if (!is_recording() && !start_recording())
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
    return state_for_event(self, sp);
}

uint32_t site_here(Thread &thread, unsigned function, unsigned family, const Caller &caller)
{
    return site_of_call(thread, function, family, caller).site;
}

bool is_part_of(const Enclosing &outer, const Caller &caller)
{
    if (outer.mode != Enclosure::own_parts)
        return outer.mode != Enclosure::none;
    const ModuleView *module = module_at(caller.pc - 1);
    return module != nullptr && module->libc;
}

void begin_cycle_of_call(const Enclosing &outer, const Caller &caller)
{
    if (stopped() || is_part_of(outer, caller))
        return;
    const uint32_t cycle = add(process.file->cycle, 1u) + 1;
    if (unpaired_mark_is_kept(cycle) == 0)
        return;
    unpaired_record_mark record{};
    record.image = own_image();
    record.cycle = cycle;
    record.time_ms = now_ms();
    append(UNPAIRED_RECORD_MARK, record);
}

void retire_unseen(Thread &thread, uint32_t reference)
{
    count_released_unseen(thread, *slot_at(reference));
    send_home(thread, reference);
}

namespace {

/// Retires a claimed slot whose resource was lost at `release_site`, and counts it as an anomaly.
void lose(Thread &thread, uint32_t reference, unpaired_anomaly_kind kind, unsigned function,
          uint32_t release_site)
{
    unpaired_slot &slot = *slot_at(reference);
    Anomaly anomaly{kind, slot.space, function};
    anomaly.acquire_site = slot.site;
    anomaly.release_site = release_site;
    anomaly.handle = slot.handle;
    anomaly.size = slot.size;
    record_anomaly(anomaly);
    slot.flags |= UNPAIRED_SLOT_LOST;
    retire(thread, reference, release_site);
}

/// Enters a slot that is about to become live under its handle. An older entry shows that a release was not seen, or
/// that an object was initialised twice.
void enter_in_index(Thread &thread, uint32_t reference, const Acquisition &what, uint32_t site)
{
    if (what.space == UNPAIRED_SPACE_heap)
        return;
    bool ok = true;
    if (what.space == UNPAIRED_SPACE_fd) {
        const index::Descriptor before =
            index::enter_descriptor(static_cast<int>(what.handle), reference, ok);
        if (before.slot != 0 && !before.retired && slot_at(before.slot)->space == UNPAIRED_SPACE_fd &&
            slot_at(before.slot)->image == process.image && claim(*slot_at(before.slot)))
            retire_unseen(thread, before.slot);
    } else if (kind_of_space[what.space] == UNPAIRED_KIND_RANGE) {
        ok = index::enter_range(reference);
    } else {
        uint32_t before;
        ok = index::enter(reference, before);
        if (UNPAIRED_UNLIKELY(before != 0)) {
            if (kind_of_space[what.space] == UNPAIRED_KIND_IN_PLACE)
                lose(thread, before, UNPAIRED_ANOMALY_REINITIALISED_LIVE, what.function, site);
            else
                retire_unseen(thread, before);
        }
    }
    if (!ok)
        count_drop(UNPAIRED_DROP_INDEX);
}

/// The slot of the acquisition we are inside of, made now if this is its first part.
void attach_to_parent(Thread &thread, Enclosing &outer, const Caller &caller, Acquired &acquired)
{
    if (!is_part_of(outer, caller))
        return;
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
    if (!what.same_call) // the resource is its own cycle's
        called(what.function, outer, caller);
    const uint32_t site = site_here(thread, what.function, what.family, caller);
    const uint32_t slot = site == 0 ? 0 : reserved != 0 ? reserved : take_slot(thread);
    if (slot == 0) {
        count_drop(UNPAIRED_DROP_NO_SPACE);
        return 0;
    }
    Acquired acquired{what.handle, what.size, site, 0, 0, static_cast<uint8_t>(what.space), 0};
    attach_to_parent(thread, outer, caller, acquired);
    fill(thread, slot, acquired);
    enter_in_index(thread, slot, what, site);
    make_live(thread, slot, acquired);
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
    const KeepErrno keep(thread);
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
    const KeepErrno keep(*thread);
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
    const KeepErrno keep(*thread);
    const Busy busy(*thread, caller.sp);
    if (UNPAIRED_UNLIKELY(stopped())) {
        process.ever_stopped = true;
        return;
    }
    if (in_vfork_child(*thread))
        return;
    if (UNPAIRED_UNLIKELY(what.function == process.cycle_function))
        begin_cycle_of_call({}, caller);
    const uint32_t site = site_of_call(*thread, what.function, what.family, caller).site;
    const uint32_t slot = UNPAIRED_LIKELY(site != 0) ? take_slot(*thread) : 0;
    if (UNPAIRED_UNLIKELY(slot == 0)) {
        count_drop(UNPAIRED_DROP_NO_SPACE);
        return;
    }
    publish(*thread, slot, {what.handle, what.size, site, 0, 0, static_cast<uint8_t>(what.space), 0});
    slot_at(slot)->next = thread->held;
    thread->held = slot;
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

void note_mismatch(const unpaired_slot &slot, unsigned function, uint32_t release_site)
{
    const SiteInfo acquired = site_info(slot.site);
    Anomaly anomaly{UNPAIRED_ANOMALY_MISMATCHED_RELEASE, slot.space, function};
    anomaly.acquire_site = slot.site;
    anomaly.release_site = release_site;
    anomaly.handle = slot.handle;
    anomaly.size = slot.size;
    if (!serves(function, acquired.family))
        record_anomaly(anomaly);
    const SiteInfo released = site_info(release_site);
    if (has_owner_of_its_own(acquired) && has_owner_of_its_own(released) &&
        released.owner != acquired.owner) {
        anomaly.kind = UNPAIRED_ANOMALY_FOREIGN_RELEASE;
        record_anomaly(anomaly);
    }
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
