// scenario: under a filter set by number for all threads no call is made that the program did not make, by any hook
// link: -pthread
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "eventfd", "blame": "leave:leave", "count": 2}
// remark: the program filters its system calls
// output: 0 calls trapped
#define _GNU_SOURCE
#include "filter.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

static volatile int trapped;

static void on_trap(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    trapped++;
    fprintf(stderr, "system call %d\n", info->si_syscall);
}

FRAME static void leave(int n)
{
    while (n-- > 0)
        MUST(eventfd(0, 0) >= 0); /* blame:leave */
}

static pthread_barrier_t barrier;

static void *thread(void *unused)
{
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    free(malloc(10));
    return unused;
}

int main(int argc, char **argv)
{
    (void)argc;
    pthread_t early, late;
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    MUST(sigaction(SIGSYS, &action, NULL) == 0);
    pthread_barrier_init(&barrier, NULL, 2);
    MUST(pthread_create(&early, NULL, thread, NULL) == 0);
    pthread_barrier_wait(&barrier);
    leave(2);
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                 filter_with(SECCOMP_RET_TRAP)) == 0);
    pthread_barrier_wait(&barrier);
    MUST(pthread_join(early, NULL) == 0);
    pthread_barrier_destroy(&barrier);
    pthread_barrier_init(&barrier, NULL, 1);
    MUST(pthread_create(&late, NULL, thread, NULL) == 0);
    MUST(pthread_join(late, NULL) == 0);
    pthread_barrier_destroy(&barrier);
    for (int i = 0; i < 300; i++) { /* descriptors that were never open */
        int fd = open("/dev/null", O_RDONLY);
        MUST(fd >= 0 && close(fd) == 0);
    }
    char *const command[] = {argv[0], "child", NULL};
    pid_t child = vfork();
    if (child == 0) {
        execv("/no/such/program", command);
        _exit(6);
    }
    int status;
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 6);
    child = fork();
    if (child == 0) {
        free(malloc(10));
        _exit(trapped);
    }
    MUST(waitpid(child, &status, 0) == child && status == 0);
    printf("%d calls trapped\n", trapped);
    fflush(stdout);
    return 0;
}
