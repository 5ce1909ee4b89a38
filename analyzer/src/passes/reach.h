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

/// Tells for each of `remains.blocks`, in their order, how it is held. Memory is scanned for words of
/// `address_size` bytes at addresses aligned so; each block is scanned once.
///
/// A pointer *holds* a block if it points to one of its first 2 * address_size + 1 addresses (allocation wrappers
/// put a header of one or two words before what they hand out; new[] a count), or further inside to something that
/// points back with one of its first three words: to where the pointer stands (a doubly linked list through the
/// middle of its elements), or to the block's beginning (sqlite's pages, described at their end). Any other
/// pointer into a block only may: it, and a pointer in a stale root, make a block possibly lost. A block that
/// only points to itself is lost.
std::vector<BlockReach> reach(const Remains &remains);

/// reach() put beside the slots of `remains.trace`, with the first bytes of a few blocks of each call site: fills
/// Trace::held.
void tell_reach(Remains &remains);

} // namespace unpaired
