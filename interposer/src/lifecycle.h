// The image from its first hooked call to its end.
#pragma once

#include "state.h"

namespace unpaired {

/// Called by the first hook: reads UNPAIRED_OUTPUT and UNPAIRED_OPTIONS, maps the trace, records what does not
/// change. True when the image is recorded. Before libc is initialised it answers false without deciding anything.
bool start_recording();

/// Allows the heap's hooks their fast path, unless this program's allocator forbids it.
void allow_plain_heap();

/// The witness page was wiped: this is a forked child. Makes it an image of its own.
void become_child();

enum class Ending { exit, exec };
/// The image is about to end or to be replaced: compares descriptors with the kernel's, writes END, and at an exit
/// tells who holds the memory that is left.
void record_end(Ending ending, int status, const char *program);

/// Returns PR_GET_SECCOMP: 0 none, 2 a filter (prctl(2)). If it differs from process.filter, the program has
/// installed a filter past the hooks. Must not be called while sys::sealed().
int seccomp_mode();

void write_note(unpaired_note note, const char *text);

/// Writes how many descriptors the process may have, if that is not what was written last: programs change it.
void record_descriptor_limit();

/// The kernel's table of open descriptors, as DESCRIPTORS records. poll(2) tells of any number of them without
/// opening one (reading /proc/self/fd would).
void record_descriptors();

/// (Re)reads the calling thread's name and makes its THREAD record and owner.
void read_thread_name(Thread &thread);

} // namespace unpaired
