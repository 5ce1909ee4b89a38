// scenario: a lock the main thread holds when the program exits is a suspect
// expect: {"rule": "held-at-exit", "severity": "suspect", "family": "held_rwlock",
//          "function": "pthread_rwlock_wrlock", "count": 1, "blame": "main:lock"}
#include "must.h"

#include <pthread.h>

static pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;

int main(void)
{
    MUST(pthread_rwlock_rdlock(&table) == 0);
    MUST(pthread_rwlock_rdlock(&table) == 0);
    MUST(pthread_rwlock_unlock(&table) == 0);
    MUST(pthread_rwlock_unlock(&table) == 0);
    MUST(pthread_rwlock_wrlock(&table) == 0); /* blame:lock */
    return 0;
}
