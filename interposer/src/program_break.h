// The part of the heap that the kernel grows by moving the program break (brk(2)). It is mapped without holes.
#pragma once

#include "state.h"

namespace unpaired::program_break {

extern uint64_t start;   ///< the break when recording began; UINT64_MAX: not known
extern void *const *end; ///< the C library's variable for the present break; valid if `start` is known

/// Finds both. Makes one system call.
void find();

/// Returns true if [from, to) is memory below the break, which can be read.
inline bool is_below(uint64_t from, uint64_t to)
{
    return from >= start && from < to && to <= reinterpret_cast<uint64_t>(load(*end));
}

} // namespace unpaired::program_break
