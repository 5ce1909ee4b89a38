// scenario: each way to start, end, wait for and name a process or thread is followed
// link: -pthread
// args: all
// The first image starts one child by each function. Child number N leaves N descriptors, so that its number
// can be read from the report.
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "timerfd", "owner": "SETN", "count": 1, "blame": "named_by_setname:setname"}
// expect: {"rule": "never-released", "family": "timerfd", "owner": "PRCT", "count": 1, "blame": "named_by_prctl:prctl"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 1, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 2, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 3, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 4, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 5, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 6, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 7, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 8, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 9, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 10, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 11, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 12, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 13, "blame": "leave:leave"}
// image: {"end": "exit"}
// expect: {"family": "eventfd", "count": 14, "blame": "leave:leave"}
// image: {"end": "signal:9"}
// expect: {"family": "eventfd", "count": 15, "blame": "leave:leave"}
// image: {"end": "signal:9"}
// expect: {"family": "eventfd", "count": 16, "blame": "leave:leave"}
// image: {"end": "signal:9"}
// expect: {"family": "eventfd", "count": 17, "blame": "leave:leave"}
// image: {"end": "signal:9"}
// expect: {"family": "eventfd", "count": 18, "blame": "leave:leave"}
// image: {"end": "signal:9"}
// expect: {"family": "eventfd", "count": 19, "blame": "leave:leave"}
#define _GNU_SOURCE
#include "must.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static char *self;
static char number[16];

FRAME static void leave(int n)
{
    while (n-- > 0)
        MUST(eventfd(0, 0) >= 0); /* blame:leave */
}

static void start(int n)
{
    char *const command[] = {self, number, NULL};
    int fd;
    snprintf(number, sizeof number, "%d", n);
    switch (n) {
    case 1:
        execve(self, command, environ);
        break;
    case 2:
        execv(self, command);
        break;
    case 3:
        execvp(self, command);
        break;
    case 4:
        execvpe(self, command, environ);
        break;
    case 5:
        execl(self, self, number, (char *)NULL);
        break;
    case 6:
        execlp(self, self, number, (char *)NULL);
        break;
    case 7:
        execle(self, self, number, (char *)NULL, environ);
        break;
    case 8:
        fd = open(self, O_RDONLY | O_CLOEXEC);
        fexecve(fd, command, environ);
        break;
    case 9:
        fd = open(self, O_RDONLY | O_CLOEXEC);
        execveat(fd, "", command, environ, AT_EMPTY_PATH);
        break;
    case 13:
        leave(n);
        _exit(0);
    case 14:
        leave(n);
        _Exit(0);
    default:
        leave(n);
        raise(SIGKILL);
    }
    _exit(97); /* exec failed */
}

static int cloned(void *n)
{
    start(*(int *)n);
    return 0;
}

static pid_t spawned(int n)
{
    static char stack[65536] __attribute__((aligned(64)));
    char *const command[] = {self, number, NULL};
    pid_t child = -1;
    snprintf(number, sizeof number, "%d", n);
    if (n == 10) {
        MUST(posix_spawn(&child, self, NULL, NULL, command, environ) == 0);
    } else if (n == 11) {
        MUST(posix_spawnp(&child, self, NULL, NULL, command, environ) == 0);
    } else if (n == 19) {
        child = clone(cloned, stack + sizeof stack, SIGCHLD, &n);
    } else {
        child = vfork();
        if (child == 0) {
            execve(self, command, environ);
            _exit(97);
        }
    }
    return child;
}

static void reap(pid_t child, int n)
{
    int status = -1;
    struct rusage usage;
    pid_t reaped = n == 15   ? wait(&status)
                   : n == 16 ? waitpid(child, &status, 0)
                   : n == 17 ? wait3(&status, 0, &usage)
                             : wait4(child, &status, 0, &usage);
    MUST(reaped == child);
    if (n < 15)
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    else
        MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void *named_by_setname(void *unused)
{
    MUST(pthread_setname_np(pthread_self(), "setname") == 0);
    MUST(timerfd_create(CLOCK_MONOTONIC, 0) >= 0); /* blame:setname */
    return unused;
}

static void *named_by_prctl(void *unused)
{
    MUST(prctl(PR_SET_NAME, "prctl-named", 0, 0, 0) == 0);
    MUST(mlockall(0) == -1 && errno == EINVAL);    /* nothing_lost/ has it succeed */
    MUST(timerfd_create(CLOCK_MONOTONIC, 0) >= 0); /* blame:prctl */
    return unused;
}

/* None of these sets a limit: conduct/address_space/ tests those. */
static void limits(void)
{
    struct rlimit limit;
    struct rlimit64 limit64;
    MUST(getrlimit(RLIMIT_AS, &limit) == 0 && getrlimit64(RLIMIT_AS, &limit64) == 0);
    MUST(setrlimit(RLIMIT_AS, &limit) == 0 && setrlimit64(RLIMIT_AS, &limit64) == 0);
    MUST(prlimit(0, RLIMIT_AS, &limit, NULL) == 0 && prlimit64(0, RLIMIT_AS, &limit64, NULL) == 0);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int n;
    MUST(argc == 2);
    self = argv[0];
    if (strcmp(argv[1], "all") != 0) {
        leave(atoi(argv[1]));
        return 0;
    }
    for (n = 0; n < 2; n++) {
        MUST(pthread_create(&thread, NULL, n ? named_by_prctl : named_by_setname, NULL) == 0);
        MUST(pthread_join(thread, NULL) == 0);
    }
    limits();
    for (n = 1; n <= 19; n++) {
        pid_t child = (n >= 10 && n <= 12) || n == 19 ? spawned(n) : fork();
        if (child == 0)
            start(n);
        MUST(child > 0);
        reap(child, n);
    }
    return 0;
}
