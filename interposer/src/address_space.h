// Returns address space that the recorder has reserved and does not use, when the program needs it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unpaired {

/// Prepares for the program's call that sets a limit of the process `pid` (0: its own). The recorder must not use up
/// a limit of address space, so this unmaps the part of the mapping that the trace does not need soon. `limit` is
/// read as an rlimit, and may be a wild pointer.
void before_limit(uint64_t sp, int pid, int resource, const void *limit);

/// Unmaps unused parts of the recorder's mapping after a call of the program that needs `bytes` of address space
/// failed with ENOMEM. Returns true if it unmapped some: the caller then repeats the program's call. Keeps errno.
bool give_way(size_t bytes);

} // namespace unpaired
