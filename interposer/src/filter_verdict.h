// What a seccomp filter does with the recorder's system calls, found by running the filter here. A program that is
// executed under the filter keeps it: where the filter would kill for one of them, that program is not recorded.
#pragma once

namespace unpaired {

/// `program`: struct sock_fprog, of a filter that the kernel has just accepted. True if each system call of the recorder's
/// would be made, or fail with an error; false if one would be the end, a signal, or another process's business.
bool lets_recorder_live(const void *program);

} // namespace unpaired
