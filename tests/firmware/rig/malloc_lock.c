/* newlib's lock around its heap: interrupts masked, since the images allocate in interrupts and tasks. */
#include "unpaired/port.h"

struct _reent;
void __malloc_lock(struct _reent *reent);
void __malloc_unlock(struct _reent *reent);

static unsigned depth;
static uintptr_t state;

void __malloc_lock(struct _reent *reent)
{
    uintptr_t before = unpaired_port_lock();
    (void)reent;
    if (depth++ == 0)
        state = before;
}

void __malloc_unlock(struct _reent *reent)
{
    (void)reent;
    if (--depth == 0)
        unpaired_port_unlock(state);
}
