// scenario: events of a handler on an alternate stack inside a frame above the interrupted recorder are all recorded
// link: -pthread
// image: {"events_lost": 0}
// expect: {"rule": "never-released", "family": "heap", "blame": "leak_one:lost", "count": 5, "acquired": 5}
// totals: {"sem": {"acquired": 2000, "released": 2000}, "rwlock": {"unpaired": 0}}
#include "storm.h"

#include <pthread.h>
#include <semaphore.h>

enum { runs_of_handler = 2000 };

static volatile sig_atomic_t runs;

static void handle(int signal)
{
    (void)signal;
    if (runs == runs_of_handler)
        return;
    runs++;
    sem_t semaphore;
    sem_init(&semaphore, 0, 1);
    sem_destroy(&semaphore);
}

__attribute__((noinline)) static void work(void)
{
    pthread_rwlock_t lock;
    while (runs < runs_of_handler) {
        pthread_rwlock_init(&lock, NULL);
        pthread_rwlock_destroy(&lock);
    }
}

__attribute__((noinline)) static void leak_one(void)
{
    volatile char *block = malloc(24); // blame:lost
    block[0] = 1;
}

int main(void)
{
    char room[64 * 1024];
    stack_t alternate = {room, 0, sizeof room};
    if (sigaltstack(&alternate, NULL) != 0)
        abort();
    storm_begin(SIGRTMIN, handle, SA_ONSTACK);
    work();
    for (int i = 0; i < 5; i++)
        leak_one();
    return 0;
}
