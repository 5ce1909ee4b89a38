// scenario: events of signal handlers that interrupt the recorder in each other are all recorded
// link: -pthread
// image: {"events_lost": 0}
// totals: {"sem": {"acquired": 4000, "released": 4000}, "rwlock": {"unpaired": 0}}
#include "storm.h"

#include <pthread.h>
#include <semaphore.h>

enum { signals = 4, runs_of_each = 500, pairs_of_run = 2 };

static volatile sig_atomic_t runs[signals];

static void handle(int signal)
{
    volatile sig_atomic_t *own = &runs[signal - SIGRTMIN];
    if (*own == runs_of_each)
        return;
    ++*own;
    for (int i = 0; i < pairs_of_run; i++) {
        sem_t semaphore;
        sem_init(&semaphore, 0, 1);
        sem_destroy(&semaphore);
    }
}

static int all_ran(void)
{
    for (int i = 0; i < signals; i++)
        if (runs[i] < runs_of_each)
            return 0;
    return 1;
}

int main(void)
{
    for (int i = 0; i < signals; i++)
        storm_begin(SIGRTMIN + i, handle, 0);
    pthread_rwlock_t lock;
    while (!all_ran()) {
        pthread_rwlock_init(&lock, NULL);
        pthread_rwlock_destroy(&lock);
    }
    return 0;
}
