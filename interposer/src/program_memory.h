// Memory that an argument of the program points to, read so that a wild pointer is no fault: the kernel is to answer the
// program's own call with EFAULT.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unpaired {

/// Copies up to `size` bytes; returns how many could be read. None while the program filters its system calls.
size_t copy_from_program(uint64_t from, void *to, size_t size);

/// Returns the length of a text, at most `most`; 0 if it cannot be read.
size_t length_of_text(const char *text, size_t most);

} // namespace unpaired
