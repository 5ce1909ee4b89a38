// Address space that the recorder has reserved and does not use, where the program needs it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unpaired {

/// Before the program sets a limit of the process `pid` (0: its own). A limit of address space is the program's alone: the
/// part of the mapping that the trace does not need soon is unmapped. `limit` is read as rlimit, and may be a wild pointer.
void before_limit(uint64_t sp, int pid, int resource, const void *limit);

/// A call of the program that needs `bytes` of address space failed for want of memory. Returns true if the recorder has
/// given some back, so that the call is to be made once more. Keeps errno.
bool give_way(size_t bytes);

} // namespace unpaired
