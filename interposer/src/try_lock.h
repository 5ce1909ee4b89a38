// Lock for work of the recorder that can be done later or by another thread. Work that must not be skipped needs no
// lock (handle_table.h, ledger.h).
#pragma once

#include "sys.h"

#include <time.h>

namespace unpaired {

/// Async-signal-safe. Zero is free. It stores the thread that has taken it, and the frame. A signal handler can
/// interrupt that thread and leave by longjmp; the lock is then released when the thread enters the recorder again.
class TryLock {
public:
    bool take()
    {
        uint64_t free = 0;
        if (!__atomic_compare_exchange_n(&holder_, &free, sys::thread_pointer(), false, __ATOMIC_ACQUIRE,
                                         __ATOMIC_RELAXED))
            return false;
        __atomic_store_n(&frame_, frame(), __ATOMIC_RELAXED);
        return true;
    }
    void give()
    {
        __atomic_store_n(&thread_, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&frame_, uint64_t{0}, __ATOMIC_RELAXED);
        __atomic_store_n(&holder_, uint64_t{0}, __ATOMIC_RELEASE);
    }
    /// Releases the lock after this thread left a hook by longjmp, if the lock was taken for that hook and not in a
    /// frame that a signal interrupted. `sp` is the stack pointer of the hook's caller.
    void give_if_taken_below(uint64_t sp)
    {
        constexpr uint64_t frames_of_ours = 256 * 1024;
        const uint64_t taken_in = __atomic_load_n(&frame_, __ATOMIC_RELAXED);
        if (is_mine() && (taken_in == 0 || sp - taken_in < frames_of_ours))
            give();
    }

    /// Takes the lock, and waits up to about a fifth of a second for it: it spins, then yields, then sleeps, so that
    /// a waiter of a real-time class leaves the processor to the holder. Takes the lock over from a thread that has
    /// ended. Returns false if this thread already holds the lock, below a signal handler, or after the time. `pid`
    /// is the number of this process.
    bool take_waiting(int pid)
    {
        constexpr unsigned spins = 1000, yields = 1100, most_tries = 1300;
        constexpr unsigned spins_without_calls = 1u << 22; // while sealed
        unsigned made = 0;
        for (unsigned tries = 0; !take(); tries++) {
            if (is_mine()) {
                const uint64_t taken_in = __atomic_load_n(&frame_, __ATOMIC_RELAXED);
                if (taken_in == 0 || taken_in >= frame())
                    return false;
                break; // this thread has left that frame by longjmp
            }
            pause();
            if (tries < spins)
                continue;
            const timespec moment{0, tries < yields + 20 ? 50'000 : 1'000'000}; // ns
            const long result =
                tries < yields ? sys::call(SYS_sched_yield) : sys::call(SYS_nanosleep, sys::of(&moment), 0);
            if (result == -1 /* EPERM */ && made++ < spins_without_calls)
                tries--;
            if (tries >= most_tries && !take_from_ended(pid))
                return false;
            if (tries >= most_tries)
                break;
        }
        __atomic_store_n(&frame_, frame(), __ATOMIC_RELAXED);
        __atomic_store_n(&thread_, sys::gettid(), __ATOMIC_RELAXED);
        return true;
    }

private:
    bool is_mine() const { return __atomic_load_n(&holder_, __ATOMIC_RELAXED) == sys::thread_pointer(); }
    static uint64_t frame() { return reinterpret_cast<uint64_t>(__builtin_frame_address(0)); }
    static void pause()
    {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    bool take_from_ended(int pid)
    {
        uint64_t holder = __atomic_load_n(&holder_, __ATOMIC_RELAXED);
        const int thread = __atomic_load_n(&thread_, __ATOMIC_RELAXED);
        return thread > 0 && sys::call(SYS_tgkill, pid, thread, 0) == -3 /* ESRCH */ &&
               __atomic_compare_exchange_n(&holder_, &holder, sys::thread_pointer(), false, __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED);
    }

    uint64_t holder_; ///< thread pointer of the holder
    uint64_t frame_;  ///< the frame that took it; 0: not yet stored
    int thread_;      ///< kernel thread number of the holder, if it took the lock by take_waiting()
};

} // namespace unpaired
