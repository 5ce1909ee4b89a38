/* Port: Zephyr 3.2 and later, one core, supervisor mode. The ends of stacks want CONFIG_THREAD_STACK_INFO, owners
 * CONFIG_THREAD_NAME. */
#include "unpaired/port.h"

#include <zephyr/kernel.h>

/* A thread that runs; null in an interrupt and before the kernel. */
static struct k_thread *running(void)
{
    return k_is_in_isr() || k_is_pre_kernel() ? NULL : (struct k_thread *)k_current_get();
}

#ifdef UNPAIRED_PORT_LOCK
/* For processors that port.h has no lock for; keys nest. */
uintptr_t unpaired_port_lock(void) { return irq_lock(); }
void unpaired_port_unlock(uintptr_t state) { irq_unlock((unsigned int)state); }
#endif

const uintptr_t *unpaired_port_stack_end(const uintptr_t *from)
{
#ifdef CONFIG_THREAD_STACK_INFO
    const struct k_thread *thread = running();
    uintptr_t end;
    if (!thread) /* an interrupt's stack */
        return from;
    end = thread->stack_info.start + thread->stack_info.size;
    return end > (uintptr_t)from ? (const uintptr_t *)(end & ~(sizeof(uintptr_t) - 1u)) : from;
#else
    return from;
#endif
}

uint32_t unpaired_port_time_ms(void) { return k_uptime_get_32(); }

uintptr_t unpaired_port_context(void) { return k_is_in_isr() ? 1 : (uintptr_t)running(); }

const char *unpaired_port_task_name(void)
{
    struct k_thread *thread = running();
    return thread ? k_thread_name_get(thread) : NULL;
}
