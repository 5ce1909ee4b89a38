/* Port: no operating system, one stack. To copy and adapt: wraplib/src has weak defaults that fit an image whose
 * linker script names the top of its stack, so this is the whole of it, with a clock.
 *
 * UNPAIRED_BARE_METAL_MS: an expression for milliseconds since the start, made of what the firmware has, e.g.
 * -DUNPAIRED_BARE_METAL_MS='HAL_GetTick()' with UNPAIRED_BARE_METAL_HEADER='"stm32f4xx_hal.h"'. */
#include "unpaired/port.h"

#ifdef UNPAIRED_BARE_METAL_HEADER
#include UNPAIRED_BARE_METAL_HEADER
#endif

#ifdef UNPAIRED_BARE_METAL_MS
uint32_t unpaired_port_time_ms(void) { return (uint32_t)(UNPAIRED_BARE_METAL_MS); }
#endif

/* The heap's bounds, where the firmware knows them: what lies before its first block may not be memory at all.
 * `UNPAIRED_BARE_METAL_RAM` and `..._RAM_END`: first address of RAM, and the one behind it. */
#ifdef UNPAIRED_BARE_METAL_RAM
int unpaired_port_may_read(const void *address)
{
    uintptr_t a = (uintptr_t)address;
    return a >= (uintptr_t)(UNPAIRED_BARE_METAL_RAM) && a <= (uintptr_t)(UNPAIRED_BARE_METAL_RAM_END)-16u;
}
#endif

/* ISO C wants at least one declaration in a file. */
typedef int unpaired_bare_metal_port;
