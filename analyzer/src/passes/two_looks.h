// What two looks at a running process say together.
#pragma once

#include "input/remains.h"
#include "passes/reach.h"

#include <vector>

namespace unpaired {

/// What one look found of a block that has a slot.
struct SlotReach {
    uint32_t reference = 0, sequence = 0; ///< of the slot
    uint64_t size = 0;
    unpaired_reach entry{};         ///< as a trace has it
    std::vector<uint8_t> beginning; ///< of its contents; for a few of those that are not reachable
};

/// The blocks of the slots of `remains`, by ascending reference.
std::vector<SlotReach> reach_of_slots(const Remains &remains);

/// The second of two looks at a process of which the program ran on: what looks lost now and did not at the first
/// look is possibly lost, and so is what a thread may have in a register: registers of threads are not seen, so as
/// many blocks of a call site as they could hold are doubtful unless they are older than the present cycle.
/// `threads`: how many there are; `trace` has the slots.
std::vector<SlotReach> settle(const std::vector<SlotReach> &first, std::vector<SlotReach> second,
                              const Trace &trace, size_t threads);

} // namespace unpaired
