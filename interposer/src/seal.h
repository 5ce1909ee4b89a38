// Seccomp. Once the program filters its system calls, the recorder makes none: the filter may kill the process for a
// call that the program itself never makes (seccomp(2)). Before that, the recorder reserves room in the trace and
// memory of its own.
#pragma once

#include "recorder.h"

namespace unpaired {

/// Reserves room and memory, and stops the recorder's system calls in all threads. Call it before the program's call
/// that installs a filter, once for each such call.
void seal();

/// Undoes one seal() after the program's call failed.
void take_back_seal();

/// Records, after the program's call succeeded, that facts which need a system call are unknown from now on.
void record_seal();

/// Does the same for a filter: `program` (struct sock_fprog) decides if programs that are executed under it are
/// recorded. nullptr means strict mode, in which no program is executed.
void note_filter(const Thread *thread, const void *program);
/// Returns true if a program that this process executes now would be killed for a system call of the recorder.
bool filter_kills_recorder();

/// Makes the program's call that installs the filter `program`. `sp` is the hook's stack pointer; `succeeded` checks
/// the call's result.
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
        thread->seals_of_child++; // the filter applies to the child only
    else if (thread != nullptr)
        record_seal();
    return ret;
}

/// Returns zeroed memory from the reserve of seal(), or nullptr if it is used up. For sys::anonymous().
void *memory_put_aside(size_t bytes);

} // namespace unpaired
