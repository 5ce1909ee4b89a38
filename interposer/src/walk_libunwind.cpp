// The general unwinder: LLVM's libunwind, linked statically and hidden. It starts in this library and is taken
// outwards to the hook's caller.
#define UNW_LOCAL_ONLY
#include "walk.h"

#include <libunwind.h>

namespace unpaired {

void walk_with_libunwind(const Caller &caller, Stack &stack)
{
    constexpr unsigned frames_of_ours = 16;
    unw_context_t context;
    unw_cursor_t cursor;
    stack.depth = 1;
    stack.pc[0] = caller.pc;
    if (unw_getcontext(&context) != 0 || unw_init_local(&cursor, &context) != 0)
        return;
    unw_word_t pc = 0;
    bool arrived = false;
    for (unsigned i = 0; i < frames_of_ours && !arrived; i++) {
        if (unw_step(&cursor) <= 0 || unw_get_reg(&cursor, UNW_REG_IP, &pc) != 0)
            return;
        arrived = pc == caller.pc;
    }
    if (!arrived)
        return;
    while (stack.depth < UNPAIRED_MAX_DEPTH && unw_step(&cursor) > 0) {
        if (unw_get_reg(&cursor, UNW_REG_IP, &pc) != 0 || pc < 4096)
            return;
        stack.pc[stack.depth++] = pc + (unw_is_signal_frame(&cursor) > 0 ? 1 : 0);
    }
}

} // namespace unpaired
