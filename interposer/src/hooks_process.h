// For the hook of syscall(2): the calls that replace or end the process, by number.
#pragma once

#include "recorder.h"

namespace unpaired {

/// execve(2) as syscall(2) makes it: −1 and errno on failure.
int execute(const Caller &caller, const char *path, char *const *arguments, char *const *environment);

/// Records the end of the image, if it is the calling process's own. `sp` is the hook's stack pointer.
void before_exit(uint64_t sp, int status);

} // namespace unpaired
