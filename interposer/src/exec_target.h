// Looks at a program that is about to be executed, and makes its environment.
#pragma once

#include "state.h"

namespace unpaired {

/// How a program is named to exec.
struct ExecTarget {
    int directory; ///< a path is relative to it; with path == nullptr the program itself
    const char *path;
    bool search = false; ///< in PATH, unless the name has a slash (execvp(3))
};

/// Returns true if the program's loader can load this library: it is glibc's, for this processor. A script is
/// judged by its interpreter. True in doubt, and for programs without a loader, which ignore LD_PRELOAD.
bool can_load_recorder(const ExecTarget &target);

/// Returns true if the environment asks for the recorder.
bool has_recorder(char *const *environment);

/// The environment without this library in LD_PRELOAD, in memory that the thread keeps for it; nullptr if there is no
/// memory.
char *const *without_recorder(Thread &thread, char *const *environment);

/// The same in the process's own environment, for children that the C library starts by itself (system(3)).
void take_recorder_out_of_environment();

} // namespace unpaired
