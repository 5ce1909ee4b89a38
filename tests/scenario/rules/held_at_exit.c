// scenario: a mutex held by a thread that ended is reported with where it was taken
// expect: {"rule": "held-at-exit", "family": "held_mutex", "function": "pthread_mutex_lock", "count": 1,
//          "blame": "update:lock"}
#include "must.h"

#include <pthread.h>

static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;

FRAME static int update(int fail)
{
    MUST(pthread_mutex_lock(&table) == 0); /* blame:lock */
    if (fail)
        return -1; /* the mistake */
    MUST(pthread_mutex_unlock(&table) == 0);
    return 0;
}

static void *work(void *fail)
{
    update(0);
    update(fail != NULL);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, work, NULL) == 0);
    MUST(pthread_join(thread, NULL) == 0);
    MUST(pthread_create(&thread, NULL, work, &table) == 0);
    MUST(pthread_join(thread, NULL) == 0);
    return 0;
}
