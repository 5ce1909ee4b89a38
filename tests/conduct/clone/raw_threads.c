// scenario: threads that a program makes by clone, without thread-local storage of their own, are recorded
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "eventfd", "count": 40, "acquired": 400, "blame": "thread:events"}
// output: done
#define _GNU_SOURCE
#include "must.h"
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { threads = 4 };
static char stacks[threads][262144] __attribute__((aligned(64)));
static int running[threads];

static int thread(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++) {
        int fd = eventfd(0, 0); /* blame:events */
        if (fd < 0)
            _exit(1);
        if (i % 10 != 0 && close(fd) != 0)
            _exit(2);
    }
    return 0;
}

int main(void)
{
    const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                      CLONE_CHILD_CLEARTID;
    for (int i = 0; i < threads; i++) {
        running[i] = 1;
        MUST(clone(thread, stacks[i] + sizeof stacks[i], flags, NULL, NULL, NULL, &running[i]) > 0);
    }
    for (int i = 0; i < threads; i++)
        while (__atomic_load_n(&running[i], __ATOMIC_ACQUIRE) != 0)
            syscall(SYS_futex, &running[i], FUTEX_WAIT, 1, NULL);
    puts("done");
    return 0;
}
