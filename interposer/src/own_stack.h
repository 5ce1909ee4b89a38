// Provides stacks of the recorder's own, for work that needs more room than the program's stack may have left. An
// alternate signal stack has 8 KiB, of which the kernel's signal frame takes up to 3.5; the smallest stack of a
// thread has 16 KiB.
#pragma once

#include <cstdint>

namespace unpaired {

/// Calls `function(argument)` on a stack of at least `own_stack_room` bytes. Blocks all signals meanwhile: a handler
/// of the program must find the stack pointer on a stack of the program (garbage collectors scan from there). An
/// unwinder passes from that stack to the caller's. Returns false without a call if no stack is free, or if the
/// program filters its system calls.
bool call_on_own_stack(void (*function)(void *argument), void *argument);
inline constexpr uint64_t own_stack_room = 60 * 1024;

/// Returns true if `sp` certainly lies in the first thread's own stack, with `own_stack_room` bytes below it. Makes
/// system calls.
bool has_room_below(uint64_t sp);
/// Returns true if `sp` lies in the area of the first thread's stack. Makes no system call, and does not check the
/// room below.
bool is_on_first_stack(uint64_t sp);

/// Calls `visit(start, end)` for each stack of the recorder: their contents are not the program's.
template <class Visit> void each_own_stack(Visit visit);

/// Frees, in a forked child, the stacks that threads of the parent were using.
void release_own_stacks();

// ---- how -------------------------------------------------------------------------------------------------------

struct OwnStack {
    uint64_t start; ///< start of its mapping, which begins with a guard page; 0: not mapped yet
    uint32_t taken;
};
inline constexpr unsigned most_own_stacks = 16;
inline constexpr uint64_t own_stack_bytes = 64 * 1024;
extern OwnStack own_stacks[most_own_stacks];

template <class Visit> void each_own_stack(Visit visit)
{
    for (const OwnStack &stack : own_stacks)
        if (const uint64_t start = __atomic_load_n(&stack.start, __ATOMIC_ACQUIRE); start != 0)
            visit(start, start + own_stack_bytes);
}

} // namespace unpaired
