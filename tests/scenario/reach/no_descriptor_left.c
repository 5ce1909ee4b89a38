// scenario: where not even one more descriptor may be had, the memory that is lost is told all the same
// link: -pthread
// expect: {"family": "heap", "severity": "leak", "count": 3, "reachability": "lost", "blame": "lose:lost"}
// expect: {"family": "file", "severity": "suspect", "rule": "never-released", "forecast": {"reached": true}}
// note: {"family": "heap", "count": 1, "reachability": "reachable", "blame": "start:held",
//   "held_by": "~held by the stack of thread"}
#include "must.h"
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <unistd.h>

static sem_t g_ready;

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

/* Waits for good; its descriptors and its stack are the program's as well. */
static void *hold(void *argument)
{
    char *volatile held = argument;
    MUST(sem_post(&g_ready) == 0);
    for (;;) {
        pause();
        held[0]++;
    }
    return NULL;
}

FRAME static void start(void)
{
    pthread_t thread;
    char *held = malloc(200); /* blame:held */
    MUST(held != NULL && pthread_create(&thread, NULL, hold, held) == 0);
    MUST(sem_wait(&g_ready) == 0);
}

int main(void)
{
    struct rlimit limit = {64, 64};
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    MUST(sem_init(&g_ready, 0, 0) == 0);
    start();
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    MUST(errno == EMFILE);
    for (int i = 0; i < 3; i++)
        lose();
    return 0;
}
