// scenario: what a thread that lives holds on its stack is reachable; what it may have in a register is no leak
// link: -pthread
// note: {"blame": "worker:kept", "reachability": "reachable", "held_by": "~held by the stack of thread \\d+ \\(worker\\)"}
// expect: {"rule": "never-released", "severity": "leak", "count": 50, "reachability": "lost", "blame": "lose:many"}
// note: {"blame": "lose_one:one", "count": 1}
#define _GNU_SOURCE
#include "must.h"
#include <pthread.h>
#include <semaphore.h>

static sem_t ready, never;

FRAME static void lose(void)
{
    char *block = malloc(30); /* blame:many */
    MUST(block != NULL);
    block[0] = 1;
}

/* One block that the thread acquired is no proof: nobody sees its registers. */
FRAME static void lose_one(void)
{
    char *block = malloc(31); /* blame:one */
    MUST(block != NULL);
    block[0] = 1;
}

FRAME static void sweep(void)
{
    volatile char ground[4096];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

static void *worker(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "worker");
    char *volatile kept = malloc(100); /* blame:kept */
    MUST(kept != NULL);
    for (int i = 0; i < 50; i++)
        lose();
    lose_one();
    sweep();
    sem_post(&ready);
    while (sem_wait(&never) != 0)
        ;
    free(kept);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    MUST(sem_init(&ready, 0, 0) == 0 && sem_init(&never, 0, 0) == 0);
    MUST(pthread_create(&thread, NULL, worker, NULL) == 0);
    while (sem_wait(&ready) != 0)
        ;
    exit(0);
}
