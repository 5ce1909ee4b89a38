/* Port: FreeRTOS, kernel 9 to 11, one core.
 *
 * The end of a task's stack is in its control block only with configRECORD_STACK_HIGH_ADDRESS 1 (task.h:
 * StaticTask_t mirrors the block's layout, and its pxDummy8 is that field). Without it the scan stops at
 * UNPAIRED_SCAN_WORDS or at the top of the system's stack; what it took from behind the task's stack the analyzer
 * refuses, but RAM must be there. Wants INCLUDE_xTaskGetCurrentTaskHandle and INCLUDE_xTaskGetSchedulerState 1. */
#include "unpaired/port.h"

#include "FreeRTOS.h"
#include "task.h"

#ifndef UNPAIRED_IN_INTERRUPT
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
static inline uint32_t active_exception(void)
{
    uint32_t ipsr;
    __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
    return ipsr & 0x1ffu;
}
#define UNPAIRED_IN_INTERRUPT() (active_exception() != 0)
#else
/* A port of FreeRTOS that has no such question (older RISC-V ports) needs this macro from the firmware. */
#define UNPAIRED_IN_INTERRUPT() (xPortIsInsideInterrupt() != pdFALSE)
#endif
#endif

static int in_task(void)
{
    return !UNPAIRED_IN_INTERRUPT() && xTaskGetSchedulerState() != taskSCHEDULER_NOT_STARTED;
}

#ifdef UNPAIRED_PORT_LOCK
/* For processors that port.h has no lock for. These masks nest, by the state they return, and raise the mask in
 * a task just as in an interrupt; interrupts above configMAX_SYSCALL_INTERRUPT_PRIORITY must not allocate. */
uintptr_t unpaired_port_lock(void) { return (uintptr_t)portSET_INTERRUPT_MASK_FROM_ISR(); }
void unpaired_port_unlock(uintptr_t state) { portCLEAR_INTERRUPT_MASK_FROM_ISR((UBaseType_t)state); }
#endif

#if defined(configRECORD_STACK_HIGH_ADDRESS) && configRECORD_STACK_HIGH_ADDRESS == 1
extern uint32_t __StackTop[] __attribute__((weak));
const uintptr_t *unpaired_port_stack_end(const uintptr_t *from)
{
    if (!in_task()) /* the stack of main and of interrupts */
        return __StackTop && (const uintptr_t *)__StackTop > from ? (const uintptr_t *)__StackTop : from;
    /* pxEndOfStack is the highest word in use, aligned down */
    const StaticTask_t *task = (const StaticTask_t *)xTaskGetCurrentTaskHandle();
    return (const uintptr_t *)task->pxDummy8 + 1;
}
#endif

uint32_t unpaired_port_time_ms(void)
{
    const TickType_t ticks = UNPAIRED_IN_INTERRUPT() ? xTaskGetTickCountFromISR() : xTaskGetTickCount();
    return (uint32_t)((uint64_t)ticks * 1000u / configTICK_RATE_HZ);
}

uintptr_t unpaired_port_context(void)
{
    if (UNPAIRED_IN_INTERRUPT())
        return 1;
    return in_task() ? (uintptr_t)xTaskGetCurrentTaskHandle() : 0;
}

const char *unpaired_port_task_name(void) { return in_task() ? pcTaskGetName(NULL) : NULL; }
