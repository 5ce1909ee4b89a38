// scenario: while eight threads acquire and release, the exit of the main thread tells what it lost and harms nobody
// link: -pthread
// expect: {"rule": "never-released", "severity": "leak", "count": 5, "reachability": "lost", "blame": "lose:lost"}
// note: {"blame": "main:kept", "reachability": "reachable"}
#include "must.h"
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

enum { threads = 8, slots = 64 };
static sem_t started;
char *g_kept;

static void *churn(void *unused)
{
    void *block[slots] = {0};
    unsigned round = 0;
    (void)unused;
    for (;; round++) {
        const unsigned i = round * 7 % slots;
        free(block[i]);
        block[i] = malloc(round % 1000 + 1);
        if (round % 50 == 0) {
            void *mapped = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            MUST(mapped != MAP_FAILED);
            *(void **)mapped = block[i];
            MUST(munmap(mapped, 16384) == 0);
        }
        if (round == 2000)
            sem_post(&started);
    }
    return NULL;
}

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

FRAME static void sweep(void)
{
    volatile char ground[4096];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

int main(void)
{
    pthread_t thread;
    MUST(sem_init(&started, 0, 0) == 0);
    for (int i = 0; i < threads; i++)
        MUST(pthread_create(&thread, NULL, churn, NULL) == 0 && pthread_detach(thread) == 0);
    for (int i = 0; i < threads; i++)
        while (sem_wait(&started) != 0)
            ;
    g_kept = malloc(30); /* blame:kept */
    MUST(g_kept != NULL);
    for (int i = 0; i < 5; i++)
        lose();
    sweep();
    exit(0);
}
