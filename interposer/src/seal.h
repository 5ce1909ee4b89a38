// Seccomp. From the moment at which the program has its system calls filtered, the recorder makes none: what the filter
// does with a call that the program itself never makes may be to kill the process (seccomp(2)). What the recorder needs
// from then on, it takes just before: room in the trace, and memory of its own.
#pragma once

#include "recorder.h"

namespace unpaired {

/// Puts aside what the recorder needs, and ends its own system calls, in all threads. Call it before the program's call
/// that installs a filter, once for each such call.
void seal();

/// The program's call failed: takes back one seal().
void take_back_seal();

/// The program's call succeeded: records that what needs a system call is unknown from now on.
void record_seal();

/// Makes the program's call that installs a filter; `sp` is the hook's stack pointer. `succeeded` judges what it returned.
template <class Call, class Succeeded> auto while_sealing(uint64_t sp, Call call, Succeeded succeeded)
{
    Thread *thread = enter(sp);
    {
        const KeepErrno keep;
        seal();
    }
    const auto ret = call();
    const KeepErrno keep;
    if (!succeeded(ret))
        take_back_seal();
    else if (thread != nullptr && in_other_process(*thread))
        thread->seals_of_child++; // the filter is the child's alone
    else if (thread != nullptr)
        record_seal();
    return ret;
}

/// Memory out of what seal() put aside, zeroed; nullptr when it is used up. For sys::anonymous().
void *memory_put_aside(size_t bytes);

} // namespace unpaired
