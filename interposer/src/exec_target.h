// The program that is about to be executed: whether the recorder can be loaded into it, and the environment that it gets.
#pragma once

#include "state.h"

namespace unpaired {

/// How a program is named to exec.
struct ExecTarget {
    int directory; ///< a path is relative to it; with path == nullptr the program itself
    const char *path;
    bool search = false; ///< in PATH, unless the name has a slash (execvp(3))
};

/// Whether the program's loader can load this library: it is glibc's, for this processor. A script is what its
/// interpreter is. True in doubt, and for programs without a loader, which do not look at LD_PRELOAD.
bool can_load_recorder(const ExecTarget &target);

/// Whether a program with this environment is recorded, as far as the environment goes.
bool has_recorder(char *const *environment);

/// The environment without this library in LD_PRELOAD, in memory that the thread keeps for it; nullptr if there is no
/// memory.
char *const *without_recorder(Thread &thread, char *const *environment);

/// The same in the process's own environment, for children that the C library starts by itself (system(3)).
void take_recorder_out_of_environment();

} // namespace unpaired
