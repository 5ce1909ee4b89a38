// Hooks clone(2) as the C library wraps it: the child runs a function on a stack of its own.
#include "hook.h"

#include "careful.h"

#include <sched.h>

using namespace unpaired;

// The last three parameters are variadic in the prototype. The hook passes them on even if the caller gave none.
UNPAIRED_HOOK(int, clone,
              (int (*start)(void *), void *stack, int flags, void *argument, void *parent_tid, void *tls,
               void *child_tid))
{
    enter(stack_pointer());
    const bool careful = begin_care(static_cast<unsigned long>(static_cast<unsigned>(flags)));
    const int ret = UNPAIRED_REAL(clone)(start, stack, flags, argument, parent_tid, tls, child_tid);
    if (careful && (ret < 0 || (flags & CLONE_VFORK) != 0)) {
        forget_foreign_process(ret);
        end_care();
    }
    return ret;
}
