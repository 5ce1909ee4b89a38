// scenario: a recursive mutex locked three times and unlocked twice is still held
// expect: {"rule": "held-at-exit", "family": "held_mutex", "function": "pthread_mutex_lock", "blame": "enter:lock"}
#define _GNU_SOURCE
#include "must.h"

#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t balanced = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

FRAME static void enter(pthread_mutex_t *which, int times)
{
    while (times-- > 0)
        MUST(pthread_mutex_lock(which) == 0); /* blame:lock */
}

FRAME static void leave(pthread_mutex_t *which, int times)
{
    while (times-- > 0)
        MUST(pthread_mutex_unlock(which) == 0);
}

int main(void)
{
    enter(&mutex, 3);
    leave(&mutex, 2);
    enter(&balanced, 3);
    leave(&balanced, 3);
    return 0;
}
