// Reads memory that an argument of the program points to. A wild pointer causes no fault here: the kernel must be the
// one to answer the program's call with EFAULT.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unpaired {

/// Copies up to `size` bytes and returns the number of readable ones. Returns 0 while the program filters its system
/// calls.
size_t copy_from_program(uint64_t from, void *to, size_t size);

/// Returns the length of a text, at most `most`, or 0 if it is not readable.
size_t length_of_text(const char *text, size_t most);

} // namespace unpaired
