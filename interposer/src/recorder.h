// What a hook says to the recorder. A hook is
//     begin_…;  real call;  finish_…;
// and nothing in between has a destructor: the real call may be left by cancellation, an exception or longjmp.
#pragma once

#include "careful.h"
#include "index.h"
#include "ledger.h"
#include "lifecycle.h"
#include "sites.h"

#include <cerrno>

namespace unpaired {

extern __thread Thread *self __attribute__((tls_model("initial-exec")));

Thread *enter_slowly(uint64_t sp);

/// Returns the calling thread's state, or nullptr if the event must not be recorded (before the start, with recording
/// off, or if signal handlers have interrupted the recorder too often). `sp` is the stack pointer of the hook's
/// caller.
inline Thread *enter(uint64_t sp)
{
    if (UNPAIRED_UNLIKELY(process.phase != Phase::recording))
        return enter_slowly(sp); // `self` may be another thread's, or not exist
    Thread *thread = self;
    if (UNPAIRED_UNLIKELY(load(*fork_witness) == 0 || thread == nullptr || thread->busy_sp != 0 ||
                          thread->names_seen != load(process.names)))
        return enter_slowly(sp);
    return thread;
}

/// The recorder works on its structures for this thread while one of these lives; never across a real call.
class Busy {
public:
    Busy(Thread &thread, uint64_t sp) : thread_(thread)
    {
#if defined(__x86_64__)
        thread_.busy_pc = *reinterpret_cast<const volatile uint64_t *>(sp - 8);
#endif
        thread_.busy_sp = sp;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    }
    ~Busy()
    {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        thread_.busy_sp = 0;
    }
    Busy(const Busy &) = delete;
    Busy &operator=(const Busy &) = delete;

private:
    Thread &thread_;
};

/// Keeps the program's errno: the destructor restores it. Does nothing for code that has no errno of its own
/// (careful.h).
class KeepErrno {
public:
    KeepErrno() : at_(has_own_storage() ? &errno : &kept_) { kept_ = *at_; }
    explicit KeepErrno(const Thread &thread) : kept_(*thread.errno_at), at_(thread.errno_at) {}
    ~KeepErrno() { *at_ = kept_; }
    KeepErrno(const KeepErrno &) = delete;
    KeepErrno &operator=(const KeepErrno &) = delete;
    int value() const { return kept_; }

private:
    int kept_ = 0;
    int *at_;
};

inline bool stopped() { return (load(process.file->control) & UNPAIRED_CONTROL_STOPPED) != 0; }

/// Returns true if the thread's descriptors are not the recorded process's: a vfork child runs in its parent's
/// memory.
inline bool in_vfork_child(const Thread &thread)
{
    return UNPAIRED_UNLIKELY(thread.apart == Apart::process_and_descriptors);
}
/// Returns true if the thread's exec and its end are not the recorded process's.
inline bool in_other_process(const Thread &thread) { return UNPAIRED_UNLIKELY(thread.apart != Apart::no); }
/// Does the same and also compares the process's number, unless sealed. For events that happen once in a process.
inline bool is_other_process(const Thread &thread)
{
    const int pid = sys::getpid();
    return in_other_process(thread) || (pid > 0 && pid != process.pid);
}
/// Returns true for spaces that belong to a vfork child and not to the recorded process: all but memory.
inline bool foreign_to_vfork(unsigned space)
{
    return space != UNPAIRED_SPACE_heap && space != UNPAIRED_SPACE_mapping;
}

/// Returns the enclosure of the caller, or one with mode none. Ignores an enclosure that was left before its end: the
/// stack was used again, or another word is in place of the hook's return address.
inline Enclosing enclosing_of(const Thread &thread, const Caller &caller)
{
    const Enclosing &e = thread.enclosing;
    if (e.mode == Enclosure::none || caller.sp > e.sp || e.sp - caller.sp > (1u << 20) ||
        *reinterpret_cast<const volatile uint64_t *>(e.sp - 8) != e.pc)
        return {};
    return e;
}

/// Whether the caller is the inside of an allocator whose outer call is recorded as a whole.
inline bool inside_allocator(const Thread &thread, const Caller &caller)
{
    return UNPAIRED_UNLIKELY(thread.enclosing.mode == Enclosure::transparent) &&
           enclosing_of(thread, caller).mode == Enclosure::transparent;
}

// ---- cycles ---------------------------------------------------------------------------------------------------------

/// Whether what the caller does belongs to the call it is inside of: what the C library does inside dlopen does, what
/// a constructor run by it does is the constructor's.
bool is_part_of(const Enclosing &outer, const Caller &caller);

/// Begins a cycle, if the caller's call is one of the program's own: what another call makes for its own ends (the
/// socket with which getaddrinfo asks a name server) is none.
void begin_cycle_of_call(const Enclosing &outer, const Caller &caller);

/// `function` was called and did what it is for.
inline void called(unsigned function, const Enclosing &outer, const Caller &caller)
{
    if (UNPAIRED_UNLIKELY(function == process.cycle_function))
        begin_cycle_of_call(outer, caller);
}

/// The same for a releaser, which does not know what it is inside of; functions that release on their way to acquire
/// (dup2, realloc) are acquirers.
inline void called_to_release(unsigned function, const Thread &thread, const Caller &caller)
{
    if (UNPAIRED_UNLIKELY(function == process.cycle_function) && releases[function])
        begin_cycle_of_call(enclosing_of(thread, caller), caller);
}

// ---- acquisitions ---------------------------------------------------------------------------------------------------

struct Acquiring {
    Thread *thread = nullptr; ///< nullptr: nothing to do at the end
    Enclosing outer{};
};

/// Before the real call of an acquirer; what it acquires inside becomes a part.
inline Acquiring begin_acquire(const Caller &caller, Enclosure mode = Enclosure::parts)
{
    Thread *thread = enter(caller.sp);
    if (thread == nullptr)
        return {};
    Acquiring acquiring{thread, enclosing_of(*thread, caller)};
    if (acquiring.outer.mode == Enclosure::transparent)
        return {};
    thread->enclosing = {caller.sp, caller.pc, 0, 0, mode};
    return acquiring;
}

struct Acquisition {
    unsigned function, family, space;
    uint64_t handle = 0, size = 0;
    bool same_call = false; ///< not the first handle of its call: the second end of a pipe
};

/// After it. Returns the slot, 0 if not recorded. errno as the real call left it.
uint32_t finish_acquire(Acquiring &acquiring, const Caller &caller, const Acquisition &acquisition);
/// The real call failed with `error`.
void finish_failed(Acquiring &acquiring, const Caller &caller, const Acquisition &acquisition, int error);
/// Counts a failed acquisition, outside any enclosure of its own.
void note_failure(Thread &thread, const Caller &caller, const Acquisition &acquisition, int error);
/// The call turned out not to acquire anything.
void finish_nothing(Acquiring &acquiring);
/// One more handle out of the same call (pipe, socketpair, recvmsg).
uint32_t acquire_another(Thread *thread, const Caller &caller, const Acquisition &acquisition);

/// Locks taken: no parts, nothing reserved, so that an uncontended lock stays cheap.
void finish_hold(Thread *thread, const Caller &caller, const Acquisition &acquisition);

// ---- releases --------------------------------------------------------------------------------------------------------

struct Releasing {
    Thread *thread = nullptr;
    unsigned function = 0, space = 0;
    uint64_t handle = 0;
    uint32_t slot = 0; ///< claimed, or 0
    uint32_t site = 0;
    uint32_t previous = 0;          ///< descriptors: the slot retired under this number before, or 0
    bool belongs_elsewhere = false; ///< descriptors: a stream's own
};

Releasing begin_release(const Caller &caller, unsigned function, unsigned space, uint64_t handle);
/// `result` and `error` are the real call's. `gone`: the resource exists no longer.
void finish_release(Releasing &releasing, const Caller &caller, bool succeeded, bool gone, int64_t result,
                    int error);

/// Retires a slot that the caller has claimed, noting who did it.
inline void retire(Thread &thread, uint32_t slot, uint32_t release_site)
{
    slot_at(slot)->release_site = release_site;
    send_home(thread, slot);
}

/// The release of a held lock where nothing is out of the ordinary: it is the last one this thread took. Claimed, or
/// releasing.slot is 0 and begin_release() must be asked.
inline Releasing begin_unlock_plainly(const Caller &caller, unsigned function, unsigned space,
                                      uint64_t handle)
{
    Releasing releasing;
    Thread *thread = enter(caller.sp);
    if (UNPAIRED_UNLIKELY(thread == nullptr || thread->apart != Apart::no || thread->held == 0))
        return releasing;
    unpaired_slot &slot = *slot_at(thread->held);
    if (slot.handle != handle || slot.space != space || function == process.cycle_function)
        return releasing;
    const Busy busy(*thread, caller.sp);
    const uint32_t reference = thread->held;
    thread->held = slot.next;
    if (UNPAIRED_UNLIKELY(!claim(slot))) { // another thread unlocked it meanwhile, and left it to be unlinked
        thread->held = reference;
        return releasing;
    }
    releasing.thread = thread;
    releasing.function = function;
    releasing.space = space;
    releasing.handle = handle;
    releasing.slot = reference;
    return releasing;
}

/// After the real call succeeded.
inline void finish_unlock_plainly(const Releasing &releasing, const Caller &caller)
{
    const Busy busy(*releasing.thread, caller.sp);
    retire(*releasing.thread, releasing.slot, 0);
}

/// Retires a live slot whose handle was acquired again: its release was not seen.
void retire_unseen(Thread &thread, uint32_t slot);

/// A release without its own call, by something that succeeded already (dup2 onto it, pclose, freopen).
void released_by(Thread *thread, const Caller &caller, unsigned function, unsigned space, uint64_t handle);

/// A thread may be detached before its creator has told us of it. While creations are under way, releases of
/// unknown handles are remembered, a few; `early_release_of` asks for one and forgets it.
void early_releases_begin();
void early_releases_end();
bool early_release_of(uint64_t handle);

inline bool has_owner_of_its_own(const SiteInfo &site)
{
    return site.owner_source == UNPAIRED_OWNER_SCOPE || site.owner_source == UNPAIRED_OWNER_RULE;
}
/// Says what does not fit between a release and its acquisition, if anything.
void note_mismatch(const unpaired_slot &slot, unsigned function, uint32_t release_site);

/// Checks that a release fits its acquisition, whose site is `acquired`: the releaser's family, the owners.
inline void check_match(const unpaired_slot &slot, const SiteInfo &acquired, unsigned function,
                        uint32_t release_site)
{
    if (UNPAIRED_UNLIKELY(!serves(function, acquired.family) || has_owner_of_its_own(acquired)))
        note_mismatch(slot, function, release_site);
}

/// Retires every in-place object that lies in memory which is being freed: it is lost.
void storage_freed(Thread &thread, const Caller &caller, unsigned function, uint64_t from, uint64_t size);

void observed(const Caller &caller, unsigned function, unsigned space, uint64_t handle, int64_t result);

/// Where we are: walks the stack and interns it.
uint32_t site_here(Thread &thread, unsigned function, unsigned family, const Caller &caller);

/// Handles as numbers.
template <class T> uint64_t handle_of(T *pointer) { return reinterpret_cast<uint64_t>(pointer); }
inline uint64_t handle_of(int number) { return static_cast<uint64_t>(static_cast<int64_t>(number)); }
inline uint64_t handle_of(unsigned number) { return number; }
inline uint64_t handle_of(unsigned long number) { return number; }

} // namespace unpaired
