// scenario: threads that are cancelled inside the recorder leave it ready for the next
// link: -pthread
// image: {"events_lost": 0}
// expect: {"rule": "never-released", "family": "heap", "blame": "leak_one:lost", "count": 5, "acquired": 5}
// totals: {"sem": {"unpaired": 0}, "thread": {"acquired": 300, "released": 300}}
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

static sem_t semaphore;
static atomic_int begun;

static void *pairs(void *nothing)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    begun = 1;
    for (;;) {
        sem_init(&semaphore, 0, 1);
        sem_destroy(&semaphore);
    }
    return nothing;
}

__attribute__((noinline)) static void leak_one(void)
{
    volatile char *block = malloc(24); // blame:lost
    block[0] = 1;
}

int main(void)
{
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        begun = 0;
        if (pthread_create(&thread, NULL, pairs, NULL) != 0)
            abort();
        while (!begun)
            sched_yield();
        pthread_cancel(thread);
        pthread_join(thread, NULL);
        sem_destroy(&semaphore); // release what the cancelled thread still holds
    }
    for (int i = 0; i < 5; i++)
        leak_one();
    return 0;
}
