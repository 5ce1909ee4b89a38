// firmware: a block at the very beginning of RAM is not read before, and reaches its allocator
// families: FREERTOS
// config: RING=64 SEND_AT_ONCE=1
// with: ../../wraplib/ports/bare_metal/port.c rig/port_heap.c
// build: -DUNPAIRED_BARE_METAL_RAM=0x20000000u -DUNPAIRED_BARE_METAL_RAM_END=0x20400000u
// report:
// totals: {"freertos_heap": {"acquired": 1, "released": 1, "unpaired": 0}}
#include "board.h"

#include <stddef.h>
#include <stdint.h>

void *pvPortMalloc(size_t size);
void vPortFree(void *block);
extern unsigned port_heap_frees;
extern void *port_heap_last_freed;

int main(void)
{
    /* handed out before there was a hook; what is below RAM is no memory, and a look at it would be a fault */
    void *first_of_ram = (void *)0x20000000u;
    vPortFree(first_of_ram);
    MUST(port_heap_frees == 1 && port_heap_last_freed == first_of_ram);
    vPortFree(pvPortMalloc(20)); /* and from here on there is one */
    MUST(port_heap_frees == 2);
    return 0;
}
