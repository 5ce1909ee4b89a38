/* Port: RT-Thread 3.1 to 5, one core. */
#include "unpaired/port.h"

#include <rthw.h>
#include <rtthread.h>

/* RT_VERSION before 4.1, RT_VERSION_MAJOR since; the thread's name moved into its object in 5.0.1. */
#if defined(RT_VERSION_CHECK) && defined(RTTHREAD_VERSION)
#if RTTHREAD_VERSION >= RT_VERSION_CHECK(5, 0, 1)
#define UNPAIRED_THREAD_NAME(thread) ((thread)->parent.name)
#endif
#endif
#ifndef UNPAIRED_THREAD_NAME
#define UNPAIRED_THREAD_NAME(thread) ((thread)->name)
#endif

/* The running thread; null in an interrupt and before the scheduler. */
static struct rt_thread *running(void) { return rt_interrupt_get_nest() ? RT_NULL : rt_thread_self(); }

#ifdef UNPAIRED_PORT_LOCK
/* For processors that port.h has no lock for; the level that it returns nests. */
uintptr_t unpaired_port_lock(void) { return (uintptr_t)rt_hw_interrupt_disable(); }
void unpaired_port_unlock(uintptr_t state) { rt_hw_interrupt_enable((rt_base_t)state); }
#endif

const uintptr_t *unpaired_port_stack_end(const uintptr_t *from)
{
    const struct rt_thread *thread = running();
    uintptr_t end;
    if (!thread) /* main's and the interrupts' stack: the linker script's business, which differs by board */
        return from;
    end = (uintptr_t)thread->stack_addr + thread->stack_size;
    return end > (uintptr_t)from ? (const uintptr_t *)(end & ~(sizeof(uintptr_t) - 1u)) : from;
}

uint32_t unpaired_port_time_ms(void)
{
    return (uint32_t)((uint64_t)rt_tick_get() * 1000u / RT_TICK_PER_SECOND);
}

uintptr_t unpaired_port_context(void) { return rt_interrupt_get_nest() ? 1 : (uintptr_t)rt_thread_self(); }

const char *unpaired_port_task_name(void)
{
    const struct rt_thread *thread = running();
    return thread ? UNPAIRED_THREAD_NAME(thread) : RT_NULL;
}
