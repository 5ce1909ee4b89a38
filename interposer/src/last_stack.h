// What a thread remembers of the stack it walked last: the states the walk went through, and the words it read.
#pragma once

#include "unpaired/trace_format.h"

#include <cstdint>

namespace unpaired {

/// States of a walk, outermost first. State i is the frame that `pc` returns into, as the walk saw it: where the return
/// address was read, and the frame pointer register at that point. The walk from a state outwards is a function of the
/// state, of the words it reads and of the unwind rules: if all of them are as they were, so is the rest of the stack.
struct StackStates {
    uint64_t slot[UNPAIRED_MAX_DEPTH]; ///< where pc was read; the stack pointer is this + 8
    uint64_t pc[UNPAIRED_MAX_DEPTH];   ///< as in Stack
    uint64_t bp[UNPAIRED_MAX_DEPTH];   ///< if needs_bp, else 0: it may be a pointer of the program's
    uint64_t bp_slot
        [UNPAIRED_MAX_DEPTH]; ///< where bp was read on the way to this state; 0: it came along unchanged
    uint8_t flags[UNPAIRED_MAX_DEPTH];

    static constexpr uint8_t uses_bp = 1;   ///< the rule at this state finds the next frame by bp
    static constexpr uint8_t needs_bp = 2;  ///< this one's does, or an outer one's before bp is restored
    static constexpr uint8_t opaque = 4;    ///< reached by more words than those two: always stepped anew
    static constexpr uint8_t checks_bp = 8; ///< needs_bp, and bp was read on the way here
    static constexpr uint8_t special = opaque | checks_bp; ///< more than the return address decides
};

/// What is known of where the thread's own stack lies: its words from `low` to `high` can be read, and where a walk
/// begins between them it stays there.
struct StackBounds {
    uint64_t low, high;
    bool looked;   ///< `high` is known
    bool complete; ///< what lies below `low` is no part of this stack
};

struct LastStack {
    uint32_t depth;      ///< states kept; 0: nothing is remembered
    uint32_t generation; ///< of the rules that it was walked by
    bool whole;          ///< goes out to where the stack ends; else it was cut at UNPAIRED_MAX_DEPTH
    bool skipped;        ///< the last stack was found in the path memo, and this is the one before
    uint32_t distance; ///< 8 × how many frames are new from one walk to the next, in the mean of the last few
    uint32_t misses;   ///< of the path memo: 4 for each, less 1 for each hit
    uint32_t pause;    ///< walks until the path memo is asked again
    uint32_t hits;     ///< of the path memo since two stacks in a row were walked
    uint64_t own_low,
        own_high;     ///< of the thread's own stack: return addresses it has walked lie from here to there
    uint64_t special; ///< bit i: known.flags[i] has one of StackStates::special
    StackStates known;
    uint64_t hash[UNPAIRED_MAX_DEPTH]; ///< of the return addresses from the outermost to this
    StackBounds bounds;                ///< for the walk by frame pointers
    StackStates
        fresh; ///< of the walk under way, innermost first. Not on the program's stack: that may be small
};

} // namespace unpaired
