// Runs a seccomp filter to find out how it answers the recorder's system calls. A program that is executed under the
// filter keeps it: if the filter kills for one of these calls, that program is not recorded.
#pragma once

namespace unpaired {

/// Returns true if the filter allows each system call of the recorder or makes it fail with an error. Returns false
/// if one call would end the process, send a signal, or notify another process. `program` is a struct sock_fprog that
/// the kernel has just accepted.
bool lets_recorder_live(const void *program);

} // namespace unpaired
