// scenario: destroying a locked mutex fails and leaves the mutex
// expect: {"rule": "release-failed", "severity": "leak", "family": "mutex", "function": "pthread_mutex_init",
//          "count": 1, "acquired": 3, "blame": "new_queue:init",
//          "failed_release": {"function": "pthread_mutex_destroy", "result": 16, "count": 1,
//                             "at": {"function": "delete_queue"}, "stack": ["delete_queue:destroy", "main"]}}
// text: 1 of 3 destroys failed (16, EBUSY), at delete_queue, release_failed.c:{destroy}: 1 of 3 mutexes left,
// text: left, pthread_mutex_init in new_queue, release_failed.c:{init}
#include "must.h"

#include <pthread.h>

static pthread_mutex_t queues[3];

FRAME static void new_queue(pthread_mutex_t *mutex)
{
    MUST(pthread_mutex_init(mutex, NULL) == 0); /* blame:init */
}

FRAME static int delete_queue(pthread_mutex_t *mutex)
{
    return pthread_mutex_destroy(mutex) + 0; /* blame:destroy */
}

int main(void)
{
    int i;
    for (i = 0; i < 3; i++)
        new_queue(&queues[i]);
    MUST(pthread_mutex_lock(&queues[1]) == 0);
    for (i = 0; i < 3; i++)
        MUST(delete_queue(&queues[i]) == (i == 1 ? EBUSY : 0));
    MUST(pthread_mutex_unlock(&queues[1]) == 0);
    return 0;
}
