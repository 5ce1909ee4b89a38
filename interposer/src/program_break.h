// The part of the heap that the kernel grows by moving the program break (brk(2)): it is mapped from end to end.
#pragma once

#include "state.h"

namespace unpaired::program_break {

extern uint64_t start;   ///< where the break was when recording began; UINT64_MAX: not known
extern void *const *end; ///< the C library's variable for where it is now; valid where `start` is

/// Finds both. One system call.
void find();

/// Returns true if [from, to) is memory below the break, which can be read.
inline bool is_below(uint64_t from, uint64_t to)
{
    return from >= start && from < to && to <= reinterpret_cast<uint64_t>(load(*end));
}

} // namespace unpaired::program_break
