/* The shape of FreeRTOS's queue.c: a queue is a block of its heap. Binary semaphores and mutexes are queues. */
#include <stddef.h>

void *pvPortMalloc(size_t size);
void vPortFree(void *block);
void *xQueueGenericCreate(unsigned long length, unsigned long item, unsigned char type);
void vQueueDelete(void *queue);

void *xQueueGenericCreate(unsigned long length, unsigned long item, unsigned char type)
{
    (void)type;
    return pvPortMalloc(80 + length * item);
}

void vQueueDelete(void *queue) { vPortFree(queue); }
