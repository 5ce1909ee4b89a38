// firmware: a static x86-64 program, which nothing can be preloaded into, tells its leaks through a file
// board: linux
// libc: glibc
// config: RING=65536 SEND_AT_ONCE=1 TASKS=8 NESTING=8 SITES=64 FRAMES=16
// sink: file
// escapes: _mid_memalign.constprop.0 __malloc_arena_thread_freeres
// report:
// trace: {"source": "wrap", "cycles": 4, "events_lost": 0}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 4, "bytes": 160,
//          "owner": "MQTT", "blame": "mqtt_subscribe:lost", "stack": ["mqtt_subscribe", "session", "main"]}
// expect: {"rule": "never-released", "family": "heap", "count": 8000, "bytes": 112000, "owner": "WORK",
//          "blame": "work:thread", "stack": ["work"]}
// glibc keeps the stacks of ended threads, and with them what calloc gave for their thread-local storage.
// expect: {"rule": "never-released", "severity": "suspect", "function": "calloc", "count": 4, "blame": "main"}
// totals: {"heap": {"unpaired_bytes": ">=112160"}}
// Four threads send through one file. All that they did fits into the ring, so that nothing may be missing at the end
// however they were interrupted; the recorder once lost its sender to two of them that met.
#define _GNU_SOURCE
#include "unpaired/unpaired.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME __attribute__((noinline, noclone, noipa, optimize("no-optimize-sibling-calls")))

static void *volatile last;

FRAME static void mqtt_subscribe(void)
{
    UNPAIRED_OWNER_SCOPE("MQTT");
    last = malloc(40); /* blame:lost */
}

FRAME static void session(void)
{
    char *name = strdup("session");
    mqtt_subscribe();
    free(name);
}

FRAME static void *work(void *argument)
{
    int i;
    pthread_setname_np(pthread_self(), "worker");
    for (i = 0; i < 2000; i++) {
        last = malloc(14); /* blame:thread */
        free(realloc(calloc(3, 7), 90));
    }
    return argument;
}

int main(void)
{
    void *volatile first = malloc(1); /* the sink opens its file no later than here */
    free(first);
    if (open("/dev/null", O_RDONLY | O_CLOEXEC) != 3)
        return 9; /* it took a number that is the program's */
    pthread_t threads[4];
    int i, status;
    pid_t child;
    for (i = 0; i < 4; i++) {
        unpaired_mark(NULL);
        session();
    }
    for (i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    child = fork(); /* while they work: the child must find the recorder's lock free, and say nothing */
    if (child == 0) {
        last = malloc(77);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        return 3;
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    last = NULL;
    return 0;
}
