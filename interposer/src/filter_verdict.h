// Runs a seccomp filter to find out what it does with the recorder's system calls. A program that is executed under the
// filter keeps it: if the filter kills for one of these calls, that program is not recorded.
#pragma once

namespace unpaired {

/// Returns true if each system call of the recorder's would be made or fail with an error, false if one would end the
/// process, send a signal, or ask another process. `program` is a struct sock_fprog that the kernel has just accepted.
bool lets_recorder_live(const void *program);

} // namespace unpaired
