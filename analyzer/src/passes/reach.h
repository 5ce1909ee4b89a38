// Which blocks the memory of a program still holds pointers to, and who holds them.
#pragma once

#include "input/remains.h"

#include <cstdint>
#include <vector>

namespace unpaired {

/// What holds a block: the first found on the shortest way from outside.
struct Holder {
    enum class Kind : uint8_t { none, root, in_register, block };
    Kind kind = Kind::none;
    uint32_t index = 0;    ///< of the root, the register, or the block
    uint64_t address = 0;  ///< where the pointer stands; 0 in a register
    bool interior = false; ///< it points into the block, not to its beginning
};

struct BlockReach {
    Reachability state = Reachability::lost;
    /// Lost too, but a lost block points to it: the leak is that one.
    bool indirect = false;
    Holder holder;
};

/// Tells for each of `remains.blocks`, in their order, how it is held, by the rules of unpaired/reachability.h.
/// Memory is scanned for words of `address_size` bytes at addresses aligned so.
std::vector<BlockReach> reach(const Remains &remains);

/// reach() put beside the slots of `remains.trace`, with the first bytes of a few blocks of each call site: fills
/// Trace::held.
void tell_reach(Remains &remains);

} // namespace unpaired
