// What a walk by cached rules is on every processor: stepping from frame to frame until there is no caller.
#pragma once

#include "walk.h"

namespace unpaired {

/// Where a walk is: the frame that `pc` returns into. `bp`: the frame pointer register, rbp or x29.
struct WalkState {
    uint64_t pc, sp, bp;
};
enum class Step : uint8_t {
    plain,   ///< two words decided it: the return address at sp − 8, and bp where it was read
    opaque,  ///< others did, too
    ended,   ///< this is the outermost frame, for ever
    broken,  ///< ... by a word that was read
    general, ///< the general unwinder must be asked
};

/// The whole walk. `step(at, rule)` goes from a frame to its caller.
template <class State, class StepOutwards>
[[gnu::always_inline]] inline void walk_whole(const Caller &caller, State at, Stack &stack, StepOutwards step)
{
    const RuleTable *table = load(unwind_rules, __ATOMIC_ACQUIRE);
    uint32_t depth = 0;
    for (;;) {
        stack.pc[depth++] = at.pc;
        if (depth == UNPAIRED_MAX_DEPTH)
            break;
        const Step how = step(at, rule_for(at.pc, table));
        if (how == Step::general) {
            walk_with_libunwind(caller, stack);
            if (stack.depth != 0)
                return;
        }
        if (how >= Step::ended)
            break;
    }
    stack.depth = depth;
}

} // namespace unpaired
