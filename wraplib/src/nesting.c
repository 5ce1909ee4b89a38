/* Allocators that call each other: what is acquired inside another acquirer's call belongs to that one. Releases are
 * told by their header or handle, so they need no such guard. */
#include "firmware_recorder.h"

#if UNPAIRED_NESTING > 0

static uintptr_t inside[UNPAIRED_NESTING]; /* contexts + 1; 0: free */

/* Inside the lock. The entry with this content, or -1. */
static int entry_of(uintptr_t content)
{
    int i = UNPAIRED_NESTING;
    while (i-- > 0 && inside[i] != content)
        ;
    return i;
}

int unpaired_enter(void)
{
    const uintptr_t me = unpaired_port_context() + 1u, state = unpaired_port_lock();
    const int mine = entry_of(me), room = mine < 0 ? entry_of(0) : mine;
    if (room >= 0)
        inside[room] = me; /* without room the inner call is recorded too */
    unpaired_port_unlock(state);
    return mine >= 0;
}

void unpaired_leave(void)
{
    const uintptr_t me = unpaired_port_context() + 1u, state = unpaired_port_lock();
    const int mine = entry_of(me);
    if (mine >= 0)
        inside[mine] = 0;
    unpaired_port_unlock(state);
}

#endif
