// The descriptors that the caller of `unpaired run` meant for the program.
#pragma once

#include <vector>

namespace unpaired {

/// Remembers which descriptors are open. To be called before the first file is opened.
void remember_inherited_descriptors();

/// Closes the remembered descriptors except stderr and those in `kept`, once the program has its copies: when the
/// program closes a pipe, socket or lock, its peers must see that. /dev/null takes the places of stdin and stdout.
void release_inherited_descriptors(const std::vector<int> &kept);

} // namespace unpaired
