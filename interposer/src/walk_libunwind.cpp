// The general unwinder: LLVM's libunwind, linked statically and hidden. It starts in this library and is taken
// outwards to the hook's caller.
#define UNW_LOCAL_ONLY
#include "walk.h"

#include "own_stack.h"

#include <libunwind.h>

namespace unpaired {
namespace {

/// A frame that a signal interrupted: libunwind 14 takes its pc for a return address, and so finds the row of its table
/// before the right one (mended in LLVM 20, pull request 92291). With the address of the next byte it finds the right
/// one. There is no help at a function's last byte, nor at its first if the byte before belongs to none: then it has ended.
void step_from_interrupted(unw_cursor_t &cursor, unw_word_t pc)
{
    unw_word_t sp;
    unw_proc_info_t function;
    unw_get_reg(&cursor, UNW_REG_SP, &sp);
    unw_set_reg(&cursor, UNW_REG_IP, pc + 1);
    if (unw_get_proc_info(&cursor, &function) != 0 || function.start_ip > pc || function.end_ip <= pc)
        unw_set_reg(&cursor, UNW_REG_IP, pc);
    unw_set_reg(&cursor, UNW_REG_SP, sp); // setting the pc may have moved it by the size of pushed arguments
}

struct Walk {
    const Caller &caller;
    Stack &stack;
};

/// Adds the callers of `caller`, which the stack already contains.
[[gnu::noinline]] void walk_outwards(const Caller &caller, Stack &stack)
{
    constexpr unsigned frames_of_ours = 16;
    unw_context_t context;
    unw_cursor_t cursor;
    if (unw_getcontext(&context) != 0 || unw_init_local(&cursor, &context) != 0)
        return;
    unw_word_t pc = 0;
    bool arrived = false;
    for (unsigned i = 0; i < frames_of_ours && !arrived; i++) {
        if (unw_step(&cursor) < 0 || unw_get_reg(&cursor, UNW_REG_IP, &pc) != 0)
            return;
        arrived = pc == caller.pc;
    }
    if (!arrived)
        return;
    // At a frame without tables, unw_step() reports the end although it has reached that frame. The walk ends there,
    // as at a frame whose table the unwinder does not understand.
    while (stack.depth < UNPAIRED_MAX_DEPTH &&
           rule_at(stack.pc[stack.depth - 1]).kind != cfi::Kind::no_code) {
        const unw_word_t before = pc;
        const int more = unw_step(&cursor);
        if (more < 0 || unw_get_reg(&cursor, UNW_REG_IP, &pc) != 0 || pc < 4096 ||
            (more == 0 && pc == before))
            return;
        const bool interrupted = unw_is_signal_frame(&cursor) > 0;
        stack.pc[stack.depth++] = pc + (interrupted ? 1 : 0);
        if (interrupted)
            step_from_interrupted(cursor, pc);
    }
}

void walk_from_here(void *argument)
{
    const Walk &walk = *static_cast<Walk *>(argument);
    walk.stack.depth = 1;
    walk.stack.pc[0] = walk.caller.pc;
    void *place[5];                         // of __builtin_setjmp
    void **const outer = unwinder_gives_up; // of an outer walk that a signal interrupted
    if (__builtin_setjmp(place) == 0) {
        unwinder_gives_up = place;
        walk_outwards(walk.caller, walk.stack);
    }
    unwinder_gives_up = outer;
}

} // namespace

void walk_with_libunwind(const Caller &caller, Stack &stack)
{
    // The unwinder's cursor and the rows of its tables take 6 KiB of stack.
    Walk walk{caller, stack};
    stack.depth = 0;
    if (!call_on_own_stack(walk_from_here, &walk) && is_on_first_stack(stack_pointer()))
        walk_from_here(&walk);
}

} // namespace unpaired
