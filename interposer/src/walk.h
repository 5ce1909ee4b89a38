// Backtraces. One interface; the way a frame is stepped is this file's business alone.
#pragma once

#include "state.h"
#include "unwind_rules.h"

namespace unpaired {

/// A return address without the signature that pointer authentication (aarch64) may have put into its upper bits.
inline uint64_t without_signature(uint64_t pc)
{
#if defined(__aarch64__)
    register uint64_t x30 __asm__("x30") = pc;
    __asm__("hint #7" : "+r"(x30)); // xpaclri: on a processor without them it does nothing
    return x30;
#else
    return pc;
#endif
}

struct Stack {
    uint32_t depth = 0;
    uint64_t pc
        [UNPAIRED_MAX_DEPTH]; ///< return addresses, innermost first; a frame interrupted by a signal has pc + 1
};

/// The stack from `caller` outwards; at least its return address. Reads only what an unwinder of the same frames
/// would read. Does not allocate, lock or fail; safe in signal handlers.
void walk_stack(const Caller &caller, Stack &stack);

/// The same walk, from what `last` remembers as far as that still holds; `last` is this stack then. Returns the hash of
/// the return addresses. `last` must be the thread's own, and not in use by a walk that this one interrupts.
uint64_t hash_stack(const Caller &caller, LastStack &last);

/// The stack of the last hash_stack(), which had this caller.
void stack_of(const Caller &caller, LastStack &last, Stack &stack);

/// What hash_stack() makes of a stack.
uint64_t hash_of(const Stack &stack);

/// Walks with the general unwinder, from `caller` outwards, for frames whose rule is `unknown`. Sets the depth to 0
/// if the unwinder cannot run: the thread's stack may be too small for it, and no other stack is free.
void walk_with_libunwind(const Caller &caller, Stack &stack);

/// The point at which walk_with_libunwind() continues if libunwind gives up (unwinder_needs.cpp).
extern __thread void **unwinder_gives_up __attribute__((tls_model("initial-exec")));

} // namespace unpaired
