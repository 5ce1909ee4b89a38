// scenario: a clone child with the parent's memory and a page of zeroes for thread-local storage runs as it would alone
// image: {"end": "exit"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "reachability": "lost", "count": 1, "blame": "lose:lost"}
// expect: {"rule": "never-released", "family": "eventfd", "count": 10, "acquired": 10, "blame": "main:events"}
// output: child 12
#define _GNU_SOURCE
#include "must.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static char storage[65536] __attribute__((aligned(64))), stack[65536] __attribute__((aligned(64)));
static int events[10];

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

/* Closes and opens descriptors, and ends, as the child of Chromium's sandbox does. */
static int in_child(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        if (close(events[i]) != 0)
            _exit(1);
    for (int i = 0; i < 20; i++)
        if (open("/dev/null", O_RDONLY) < 0)
            _exit(2);
    if (pipe(NULL) != -1)
        _exit(3);
    _exit(12);
}

int main(void)
{
    int status;
    for (int i = 0; i < 10; i++)
        MUST((events[i] = eventfd(0, 0)) >= 0); /* blame:events */
    const int flags = CLONE_VM | CLONE_VFORK | CLONE_FS | CLONE_SETTLS | SIGCHLD;
    pid_t child =
        clone(in_child, stack + sizeof stack, flags, NULL, NULL, storage + sizeof storage / 2, NULL);
    MUST(child > 0);
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status));
    lose();
    printf("child %d\n", WEXITSTATUS(status));
    return 0;
}
