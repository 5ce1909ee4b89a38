// scenario: a release that failed at first and succeeded later is no finding
#define _GNU_SOURCE
#include "must.h"

#include <pthread.h>
#include <semaphore.h>

static sem_t may_end;

static void *wait_for_end(void *unused)
{
    MUST(sem_wait(&may_end) == 0);
    return unused;
}

int main(void)
{
    pthread_mutex_t mutex;
    pthread_t thread;
    MUST(pthread_mutex_init(&mutex, NULL) == 0);
    MUST(pthread_mutex_lock(&mutex) == 0);
    MUST(pthread_mutex_destroy(&mutex) == EBUSY);
    MUST(pthread_mutex_unlock(&mutex) == 0);
    MUST(pthread_mutex_destroy(&mutex) == 0);

    MUST(sem_init(&may_end, 0, 0) == 0);
    MUST(pthread_create(&thread, NULL, wait_for_end, NULL) == 0);
    MUST(pthread_tryjoin_np(thread, NULL) == EBUSY);
    MUST(sem_post(&may_end) == 0);
    MUST(pthread_join(thread, NULL) == 0);
    MUST(sem_destroy(&may_end) == 0);
    return 0;
}
