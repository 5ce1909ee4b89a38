// firmware: RTOS objects are told as what they are, and the memory behind them is theirs
// families: FREERTOS
// config: RING=64 SEND_AT_ONCE=1 NESTING=2
// with: rig/kernel.c rig/port_heap.c
// dies:
// report:
// trace: {"cycles": 5, "events_lost": 0}
// expect: {"rule": "never-released", "severity": "leak", "family": "semaphore", "function": "xQueueGenericCreate", "count": 5,
//          "acquired": 5, "blame": "open_session:semaphore"}
// totals: {"queue": {"acquired": 5, "released": 5}, "freertos_heap": {"acquired": 5, "released": 5}}
// postmortem:
// expect: {"rule": "never-released", "severity": "leak", "family": "semaphore", "count": 5, "blame": "open_session:semaphore"}
#include "board.h"
#include "unpaired/unpaired.h"

#include <stddef.h>

void *pvPortMalloc(size_t size);
void vPortFree(void *block);
void *xQueueGenericCreate(unsigned long length, unsigned long item, unsigned char type);
void vQueueDelete(void *queue);
enum { QUEUE = 0, BINARY_SEMAPHORE = 3 }; /* queueQUEUE_TYPE_*, queue.h */

static void *volatile semaphore;

FRAME static void open_session(void)
{
    void *queue = xQueueGenericCreate(4, 4, QUEUE), *buffer = pvPortMalloc(30);
    semaphore = xQueueGenericCreate(1, 0, BINARY_SEMAPHORE); /* blame:semaphore */
    MUST(queue && buffer && semaphore);
    vPortFree(buffer);
    vQueueDelete(queue);
}

int main(void)
{
    int i;
    for (i = 0; i < 5; i++) {
        unpaired_mark("session");
        open_session();
    }
    board_die();
}
