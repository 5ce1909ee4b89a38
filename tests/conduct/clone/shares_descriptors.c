// scenario: what a clone child closes and frees in a table and a memory that it shares is gone in the parent
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "eventfd", "count": 7, "acquired": 10, "blame": "main:events"}
// expect: {"rule": "never-released", "family": "timerfd", "count": 2, "acquired": 2, "blame": "in_child:timers"}
// output: child 12
#define _GNU_SOURCE
#include "must.h"
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char stack[262144] __attribute__((aligned(64)));
static int events[10];
static char *block;

static int in_child(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        if (close(events[i]) != 0)
            _exit(1);
    for (int i = 0; i < 2; i++)
        if (timerfd_create(CLOCK_MONOTONIC, 0) < 0) /* blame:timers */
            _exit(2);
    free(block);
    block = malloc(200);
    _exit(12);
}

int main(void)
{
    int status;
    for (int i = 0; i < 10; i++)
        MUST((events[i] = eventfd(0, 0)) >= 0); /* blame:events */
    block = malloc(100);
    MUST(block != NULL);
    pid_t child = clone(in_child, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
    MUST(child > 0);
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status));
    free(block);
    printf("child %d\n", WEXITSTATUS(status));
    return 0;
}
