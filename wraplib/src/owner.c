/* Owners and cycles: what a program says by unpaired.h. */
#include "firmware_recorder.h"

#if UNPAIRED_TASKS > 0

/* The scopes that are open, by task. Free: owner 0. A context changes its own entry alone. */
static struct {
    uintptr_t context;
    uint32_t owner;
} scope[UNPAIRED_TASKS];

static int scope_of(uintptr_t context)
{
    int i;
    for (i = 0; i < UNPAIRED_TASKS; i++)
        if (scope[i].owner != 0 && scope[i].context == context)
            return i;
    return -1;
}

uint32_t unpaired_owner_now(uint32_t *head)
{
    const int i = scope_of(unpaired_port_context());
    const char *name;
    if (i >= 0) {
        *head += (uint32_t)UNPAIRED_OWNER_SCOPE << UNPAIRED_HEAD_SOURCE_SHIFT;
        return scope[i].owner;
    }
    name = unpaired_port_task_name();
    if (name) {
        const uint32_t owner = unpaired_owner_from_name(name);
        if (owner)
            *head += (uint32_t)UNPAIRED_OWNER_THREAD << UNPAIRED_HEAD_SOURCE_SHIFT;
        return owner;
    }
    return 0;
}

static uint32_t set_scope(uint32_t owner)
{
    const uintptr_t context = unpaired_port_context(), state = unpaired_port_lock();
    uint32_t previous = 0;
    int i = scope_of(context);
    if (i >= 0)
        previous = scope[i].owner;
    for (i = i < 0 && owner != 0 ? 0 : i; i >= 0 && i < UNPAIRED_TASKS; i++)
        if (scope[i].owner == 0 || scope[i].context == context) {
            scope[i].context = context;
            scope[i].owner = owner;
            break;
        }
    unpaired_port_unlock(state);
    return previous;
}

#else

uint32_t unpaired_owner_scope;

static uint32_t set_scope(uint32_t owner)
{
    const uint32_t previous = unpaired_owner_scope;
    unpaired_owner_scope = owner;
    return previous;
}

#endif

uint32_t unpaired_owner_push_impl(uint32_t owner);
void unpaired_owner_pop_impl(uint32_t previous);
void unpaired_mark_impl(const char *name);

uint32_t unpaired_owner_push_impl(uint32_t owner) { return set_scope(owner); }
void unpaired_owner_pop_impl(uint32_t previous) { set_scope(previous); }

/* Inside the lock. Keeps where a cycle began; when the table is full, every second one of what is in it. */
static void keep_mark(unpaired_root *root)
{
#if UNPAIRED_MARKS > 0
    unsigned i;
    if ((root->cycle & (root->marks_stride - 1u)) != 0)
        return;
    if (root->marks_used == UNPAIRED_MARKS) {
        if (root->marks_stride == 0x8000u)
            return;
        for (i = 1; i < UNPAIRED_MARKS; i += 2)
            unpaired_ram.mark[i / 2] = unpaired_ram.mark[i];
        root->marks_used = UNPAIRED_MARKS / 2;
        root->marks_stride = (uint16_t)(root->marks_stride * 2u);
        if ((root->cycle & (root->marks_stride - 1u)) != 0)
            return;
    }
    unpaired_ram.mark[root->marks_used++] = root->sequence;
#else
    (void)root;
#endif
}

void unpaired_mark_impl(const char *name)
{
    unpaired_root *root = &unpaired_ram.root;
    const uint32_t now = unpaired_port_time_ms();
    unpaired_mark_name copy;
    uintptr_t state;
    if (root->version == 0)
        unpaired_set_up();
    unpaired_mark_copy(&copy, name);
    state = unpaired_port_lock();
    root->time_ms = now;
    root->cycle++;
    keep_mark(root);
    unpaired_port_unlock(state);
    state = unpaired_port_lock(); /* interrupts are off for short times only */
    unpaired_mark_put(&copy);
    unpaired_port_unlock(state);
    unpaired_send_now();
}
