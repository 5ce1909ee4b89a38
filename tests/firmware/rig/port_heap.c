/* A heap like FreeRTOS's heap_1 with a free that only counts: in a file of its own, as in FreeRTOS. */
#include <stddef.h>
#include <stdint.h>

void *pvPortMalloc(size_t size);
void vPortFree(void *block);

unsigned port_heap_frees;
void *port_heap_last_freed;

void *pvPortMalloc(size_t size)
{
    static uint64_t heap[512];
    static size_t used;
    void *block = (char *)heap + used;
    size = (size + 7u) & ~(size_t)7u;
    if (size > sizeof heap - used)
        return NULL;
    used += size;
    return block;
}

void vPortFree(void *block)
{
    port_heap_frees++;
    port_heap_last_freed = block;
}
