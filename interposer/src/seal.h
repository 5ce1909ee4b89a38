// Seccomp. From the moment at which the program has its system calls filtered, the recorder makes none: what the filter
// does with a call that the program itself never makes may be to kill the process (seccomp(2)). Just before, it
// reserves what it needs from then on: room in the trace, and memory of its own.
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

/// The same for a filter: `program` (struct sock_fprog) decides whether programs that are executed under it are recorded.
/// nullptr: strict mode, under which none is executed.
void note_filter(const Thread *thread, const void *program);
/// Returns true if a program that this process executes now would be killed for a system call of the recorder's.
bool filter_kills_recorder();

/// Makes the program's call that installs the filter `program`; `sp` is the hook's stack pointer. `succeeded` judges what it
/// returned.
template <class Call, class Succeeded>
auto while_sealing(uint64_t sp, const void *program, Call call, Succeeded succeeded)
{
    Thread *thread = enter(sp);
    {
        const KeepErrno keep;
        seal();
    }
    const auto ret = call();
    const KeepErrno keep;
    if (!succeeded(ret)) {
        take_back_seal();
        return ret;
    }
    note_filter(thread, program);
    if (thread != nullptr && in_other_process(*thread))
        thread->seals_of_child++; // the filter is the child's alone
    else if (thread != nullptr)
        record_seal();
    return ret;
}

/// Returns zeroed memory of the reserve that seal() made; nullptr when it is used up. For sys::anonymous().
void *memory_put_aside(size_t bytes);

} // namespace unpaired
