// scenario: a thousand rwlocks lost at one and the same address are a thousand leaks
// expect: {"rule": "storage-freed-live", "severity": "leak", "family": "rwlock", "function": "pthread_rwlock_init",
//          "count": 1000, "acquired": 1000, "blame": "init_prestats:init",
//          "ended_by": {"function": "free", "stack": ["destroy_module:free", "main"]}}
// output: addresses: 1
#include "must.h"

#include <pthread.h>
#include <stdint.h>

struct prestats {
    uint32_t size;
    pthread_rwlock_t lock;
    void *table[4];
};

FRAME static void init_prestats(struct prestats *prestats)
{
    prestats->size = 0;
    MUST(pthread_rwlock_init(&prestats->lock, NULL) == 0); /* blame:init */
}

FRAME static void destroy_module(struct prestats *prestats)
{
    if (prestats->size)
        pthread_rwlock_destroy(&prestats->lock);
    free(prestats); /* blame:free */
}

int main(void)
{
    uintptr_t first = 0;
    int addresses = 0, cycle;
    for (cycle = 0; cycle < 1000; cycle++) {
        struct prestats *prestats = malloc(sizeof *prestats);
        MUST(prestats);
        if ((uintptr_t)prestats != first) {
            first = (uintptr_t)prestats;
            addresses++;
        }
        init_prestats(prestats);
        destroy_module(prestats);
    }
    printf("addresses: %d\n", addresses);
    return 0;
}
