// scenario: a handler that interrupts the recorder and switches to another stack for a while loses no event
// link: -pthread
// image: {"events_lost": 0}
// totals: {"sem": {"acquired": 2000, "released": 2000}, "rwlock": {"unpaired": 0}}
#include "storm.h"

#include <pthread.h>
#include <semaphore.h>
#include <ucontext.h>

enum { runs_of_handler = 1000 };

static volatile sig_atomic_t runs;
static ucontext_t interrupted, other;
static char room[256 * 1024];

static void work_elsewhere(void)
{
    for (;;) {
        for (int i = 0; i < 2; i++) {
            sem_t semaphore;
            sem_init(&semaphore, 0, 1);
            sem_destroy(&semaphore);
        }
        swapcontext(&other, &interrupted);
    }
}

static void handle(int signal)
{
    (void)signal;
    if (runs == runs_of_handler)
        return;
    runs++;
    swapcontext(&interrupted, &other);
}

int main(void)
{
    getcontext(&other);
    other.uc_stack.ss_sp = room;
    other.uc_stack.ss_size = sizeof room;
    sigaddset(&other.uc_sigmask, SIGRTMIN);
    makecontext(&other, work_elsewhere, 0);
    storm_begin(SIGRTMIN, handle, 0);
    pthread_rwlock_t lock;
    while (runs < runs_of_handler) {
        pthread_rwlock_init(&lock, NULL);
        pthread_rwlock_destroy(&lock);
    }
    return 0;
}
