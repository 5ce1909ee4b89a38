// A Linux process that runs, in the form of a core that was just dumped: its memory is read where it stands.
#pragma once

#include "input/core_file.h"

#include <cstdint>

namespace unpaired {

/// Looks at process `pid` through /proc and process_vm_readv(2); it is neither stopped nor traced, so that its memory
/// may change while it is read. Of threads that wait in the kernel stack pointer and system call are known, of others
/// nothing but the number. Throws InputError, one line, if there is no such process, or if the kernel does not
/// permit it.
CoreFile read_live_process(uint32_t pid);

} // namespace unpaired
