// scenario: children of raw clone and of _Fork are images of their own
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "pipe", "count": 2, "acquired": 2, "blame": "in_parent:parent"}
// image: {}
// expect: {"rule": "never-released", "family": "eventfd", "count": 3, "acquired": 3, "blame": "in_child:child"}
// image: {}
// expect: {"rule": "never-released", "family": "eventfd", "count": 5, "acquired": 5, "blame": "in_child:child"}
#define _GNU_SOURCE
#include "must.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

FRAME static void in_parent(void)
{
    int ends[2];
    MUST(pipe(ends) == 0); /* blame:parent */
}

FRAME static void in_child(int n)
{
    while (n-- > 0)
        MUST(eventfd(0, 0) >= 0); /* blame:child */
}

int main(void)
{
    int status;
    in_parent();
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    MUST(child >= 0);
    if (child == 0) {
        in_child(3);
        _exit(0);
    }
    MUST(waitpid((pid_t)child, &status, 0) == child && status == 0);
    child = _Fork();
    MUST(child >= 0);
    if (child == 0) {
        in_child(5);
        _exit(0);
    }
    MUST(waitpid((pid_t)child, &status, 0) == child && status == 0);
    return 0;
}
