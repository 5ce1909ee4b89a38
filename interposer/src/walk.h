// Backtraces. One interface; the way a frame is stepped is this file's business alone.
#pragma once

#include "state.h"

namespace unpaired {

struct Stack {
    uint32_t depth = 0;
    uint64_t pc
        [UNPAIRED_MAX_DEPTH]; ///< return addresses, innermost first; a frame interrupted by a signal has pc + 1
};

/// The stack from `caller` outwards; at least its return address. Reads only what an unwinder of the same frames
/// would read. Does not allocate, lock or fail; safe in signal handlers.
void walk_stack(const Caller &caller, Stack &stack);

/// Forgets what is known of the code at any address: after dlopen and dlclose.
void forget_unwind_rules();

/// In a forked child: another thread of the parent may have been adding a rule.
void release_unwind_lock();
/// How many rules the cache holds.
uint32_t unwind_rules_kept();

namespace cfi {
/// How to get from a frame to its caller. `unknown`: ask the general unwinder.
enum class Kind : uint8_t { unknown = 0, from_sp, from_bp, realigned, outermost, signal, no_code };
struct Rule {
    int32_t cfa_offset; ///< CFA = sp or bp + this; realigned: CFA = *(bp + this)
    int16_t bp_words;   ///< the caller's bp lies at CFA + 8 × this; 0: bp is unchanged
    Kind kind;
    uint8_t spare;
};
static_assert(sizeof(Rule) == 8);
/// Reads the rule for the frame with this return address out of its module's .eh_frame.
Rule read_rule(uint64_t return_address);
} // namespace cfi

/// The rule for a return address, out of the cache if it is there. x86-64 only: elsewhere `unknown`.
cfi::Rule rule_at(uint64_t return_address);

/// The general unwinder, from `caller` outwards; for frames whose rule is `unknown`.
void walk_with_libunwind(const Caller &caller, Stack &stack);

} // namespace unpaired
