// A lock that is tried, never waited for: what it guards can as well be done another time.
#pragma once

#include "sys.h"

namespace unpaired {

/// Knows which thread has taken it: a signal handler may interrupt that thread and leave by longjmp, and then nobody would
/// ever give it back. Async-signal-safe. Zero is free.
class TryLock {
public:
    bool take()
    {
        uint64_t free = 0;
        return __atomic_compare_exchange_n(&holder_, &free, sys::thread_pointer(), false, __ATOMIC_ACQUIRE,
                                           __ATOMIC_RELAXED);
    }
    void give() { __atomic_store_n(&holder_, uint64_t{0}, __ATOMIC_RELEASE); }
    /// When this thread is known to have left what it took it for.
    void give_if_mine()
    {
        if (__atomic_load_n(&holder_, __ATOMIC_RELAXED) == sys::thread_pointer())
            give();
    }

private:
    uint64_t holder_;
};

} // namespace unpaired
