// The kernel's numbers of threads and processes, also where it may not be asked for them (seal.h).
#pragma once

namespace unpaired {

/// Numbers from here on are the recorder's own: the kernel gives out none above 2^22 (proc(5), pid_max).
inline constexpr int invented_thread_numbers = 1 << 30;

/// Finds out where the C library keeps the number of the calling thread. Called at the start, by the first thread.
void learn_thread_numbers();

/// The calling thread's number; an invented one, each time another, if it is not known.
int number_of_this_thread();

/// In a forked child: the process's number, which is its only thread's. 0 if it is not known. `parent`: the one of the
/// process that forked.
int number_of_this_process(int parent);

/// The running code's errno, as the C library itself reaches it. Where the thread-local storage is not its own, `errno`
/// would be at an address that nothing has set up: it is computed from a word of the storage.
int *errno_by_register();

/// Returns true if the C library made the thread-local storage in use for the thread `tid`.
bool has_storage_of(int tid);

} // namespace unpaired
