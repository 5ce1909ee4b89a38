// scenario: threads that were detached, before or after they began, are nobody's to join
// link: -pthread
// note: {"rule": "never-released", "family": "thread", "function": "pthread_create", "count": 1, "blame": "main:joinable"}
// totals: {"thread": {"acquired": 11, "unpaired": 1}}
#include "must.h"

#include <pthread.h>
#include <semaphore.h>

static sem_t done;

static void *work(void *detach)
{
    if (detach)
        MUST(pthread_detach(pthread_self()) == 0);
    MUST(sem_post(&done) == 0);
    return NULL;
}

int main(void)
{
    pthread_attr_t detached;
    pthread_t thread;
    int i;
    MUST(sem_init(&done, 0, 0) == 0);
    MUST(pthread_attr_init(&detached) == 0);
    MUST(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) == 0);
    for (i = 0; i < 5; i++) {
        MUST(pthread_create(&thread, &detached, work, NULL) == 0);
        MUST(pthread_create(&thread, NULL, work, &done) == 0);
        MUST(pthread_create(&thread, NULL, work, NULL) == 0 && pthread_detach(thread) == 0);
    }
    MUST(pthread_create(&thread, NULL, work, NULL) == 0); /* blame:joinable */
    for (i = 0; i < 16; i++)
        MUST(sem_wait(&done) == 0);
    MUST(pthread_attr_destroy(&detached) == 0);
    MUST(sem_destroy(&done) == 0);
    return 0;
}
