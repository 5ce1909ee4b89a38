// The kernel's numbers of threads and processes, available without a system call too (seal.h).
#pragma once

namespace unpaired {

/// The first of the numbers that the recorder invents: the kernel assigns none above 2^22 (proc(5), pid_max).
inline constexpr int invented_thread_numbers = 1 << 30;

/// Finds the position at which the C library stores the number of the calling thread. The first thread calls it at
/// the start.
void learn_thread_numbers();

/// Returns the calling thread's number. If it is not known, returns an invented number, a new one at each call.
int number_of_this_thread();

/// Returns, in a forked child, the process's number, which is that of its only thread, or 0 if it is not known.
/// `parent` is the number of the process that forked.
int number_of_this_process(int parent);

/// Returns the address of the running code's errno as the C library itself computes it. A plain `errno` reads a word
/// of the thread-local storage to find the address, and that word may not be set up in storage that is not the code's
/// own.
int *errno_by_register();

/// Returns true if the C library made the thread-local storage in use for the thread `tid`.
bool has_storage_of(int tid);

} // namespace unpaired
