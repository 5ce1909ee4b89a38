// Keeps track of the descriptors that the caller of `unpaired run` passes to the program.
#pragma once

#include <vector>

namespace unpaired {

/// Stores the numbers of the open descriptors. Call it before this process opens its first file.
void remember_inherited_descriptors();

/// Closes the stored descriptors except stderr and those in `kept`. Call it after the program has its copies: when
/// the program closes a pipe, socket or lock, its peers must see that. Replaces stdin and stdout by /dev/null.
void release_inherited_descriptors(const std::vector<int> &kept);

} // namespace unpaired
