// Who still holds what was never released, told when the image ends.
#pragma once

#include <cstdint>

namespace unpaired {

/// Looks through the memory of the process for pointers to the blocks of the ledger, and writes what it found: REACH
/// extents, or a NOTE that says why nothing is known. All it maps and opens is given back.
///
/// Other threads may go on meanwhile. Their registers are not to be seen: what looks lost is looked at twice then,
/// and is possibly lost as long as one of them may have it in a register.
/// `sp`: what the calling thread has on its stack for the program, preserved registers too, is from here on up.
void look_who_holds(uint64_t sp);

} // namespace unpaired
