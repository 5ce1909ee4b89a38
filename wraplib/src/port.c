/* The ports of an image without tasks: every function weak, so that a port defines what differs. */
#include "unpaired/port.h"

#define UNPAIRED_WEAK __attribute__((weak))

#if !((defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M') || \
      (defined(__riscv) && !defined(__linux__))) ||                 \
    defined(UNPAIRED_PORT_LOCK)
UNPAIRED_WEAK uintptr_t unpaired_port_lock(void) { return 0; }
UNPAIRED_WEAK void unpaired_port_unlock(uintptr_t state) { (void)state; }
#endif

extern const uintptr_t __StackTop[] __attribute__((weak)), _estack[] __attribute__((weak)),
    __stack[] __attribute__((weak)), _stack[] __attribute__((weak));

UNPAIRED_WEAK const uintptr_t *unpaired_port_stack_end(const uintptr_t *from)
{
    const uintptr_t *end = __StackTop;
    if (end < from)
        end = _estack;
    if (end < from)
        end = __stack;
    if (end < from)
        end = _stack;
    return end < from ? from : end;
}

UNPAIRED_WEAK uint32_t unpaired_port_time_ms(void) { return 0; }

UNPAIRED_WEAK int unpaired_port_may_read(const void *address)
{
    (void)address;
    return 1;
}

UNPAIRED_WEAK uintptr_t unpaired_port_context(void)
{
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
    uintptr_t exception; /* ARMv7-M B1.4.2: IPSR is 0 in thread mode */
    __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
    return exception != 0;
#else
    return 0;
#endif
}

UNPAIRED_WEAK const char *unpaired_port_task_name(void) { return 0; }

UNPAIRED_WEAK int unpaired_sink_write(const void *bytes, size_t length)
{
    (void)bytes, (void)length;
    return 1;
}
