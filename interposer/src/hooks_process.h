// Calls by number, for the hook of syscall(2), that replace or end the process.
#pragma once

#include "recorder.h"

namespace unpaired {

/// Makes the program's execve(2) by syscall(2). Returns −1 and sets errno on failure.
int execute(const Caller &caller, const char *path, char *const *arguments, char *const *environment);

/// Records the end of the image if it belongs to the calling process. `sp` is the hook's stack pointer.
void before_exit(uint64_t sp, int status);

} // namespace unpaired
