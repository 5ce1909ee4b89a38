// Inspects a program that is about to be executed, and prepares its environment.
#pragma once

#include "state.h"

namespace unpaired {

/// The arguments of an exec function that name the program.
struct ExecTarget {
    int directory; ///< a path is relative to it; with path == nullptr the program itself
    const char *path;
    bool search = false; ///< in PATH, unless the name has a slash (execvp(3))
};

/// Returns true if the program's loader can load this library: it is glibc's, for this processor. For a script,
/// checks its interpreter. Returns true in doubt, and for programs without a loader, which ignore LD_PRELOAD.
bool can_load_recorder(const ExecTarget &target);

/// Returns true if the environment asks for the recorder.
bool has_recorder(char *const *environment);

/// Returns the environment without this library in LD_PRELOAD, in memory that belongs to the thread, or nullptr if no
/// memory is left.
char *const *without_recorder(Thread &thread, char *const *environment);

/// Removes this library from LD_PRELOAD in the process's own environment, for children that the C library starts by
/// itself (system(3)).
void take_recorder_out_of_environment();

} // namespace unpaired
