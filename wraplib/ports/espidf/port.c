/* Port: ESP-IDF 5, one or two cores. Compiled with UNPAIRED_PORT_LOCK: two cores need a spinlock, not only a mask.
 *
 * On Xtensa a return address holds the caller's window size in its upper two bits and code is not found by a scan of
 * the stack: UNPAIRED_FRAMES=1 there, the return address of the call alone. RISC-V chips have whole stacks. */
#include "unpaired/port.h"

#include "esp_memory_utils.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#ifndef UNPAIRED_PORT_LOCK
#error "the ESP-IDF port is compiled with UNPAIRED_PORT_LOCK"
#endif

static portMUX_TYPE spinlock = portMUX_INITIALIZER_UNLOCKED;

/* The spinlock counts how often its core has taken it, so that sections nest. */
uintptr_t unpaired_port_lock(void)
{
    portENTER_CRITICAL_SAFE(&spinlock);
    return 0;
}

void unpaired_port_unlock(uintptr_t state)
{
    (void)state;
    portEXIT_CRITICAL_SAFE(&spinlock);
}

static int in_task(void)
{
    return !xPortInIsrContext() && xTaskGetSchedulerState() != taskSCHEDULER_NOT_STARTED;
}

/* ESP-IDF sets configRECORD_STACK_HIGH_ADDRESS; StaticTask_t mirrors the control block, and pxDummy8 is
 * pxEndOfStack, the highest word in use. */
const uintptr_t *unpaired_port_stack_end(const uintptr_t *from)
{
    const StaticTask_t *task;
    if (!in_task())
        return from;
    task = (const StaticTask_t *)xTaskGetCurrentTaskHandle();
    return (const uintptr_t *)task->pxDummy8 + 1;
}

uint32_t unpaired_port_time_ms(void) { return (uint32_t)(esp_timer_get_time() / 1000); }

int unpaired_port_may_read(const void *address)
{
    return esp_ptr_byte_accessible(address) && esp_ptr_byte_accessible((const char *)address + 15);
}

uintptr_t unpaired_port_context(void)
{
    if (xPortInIsrContext())
        return 1;
    return in_task() ? (uintptr_t)xTaskGetCurrentTaskHandle() : 0;
}

const char *unpaired_port_task_name(void) { return in_task() ? pcTaskGetName(NULL) : NULL; }
