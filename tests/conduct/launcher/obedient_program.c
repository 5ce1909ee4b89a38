// The program of run_launcher.py: it leaks a socket, and prints which signals it receives.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static void say_signal(const siginfo_t *info)
{
    printf("got %d %d %d\n", info->si_signo, info->si_code, info->si_value.sival_int);
    fflush(stdout);
}

/* Prints each signal that it receives. USR2 ends it. TSTP and CONT keep their effect. */
static int tell_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGTSTP);
    sigprocmask(SIG_SETMASK, &all, NULL);
    printf("ready %d\n", getpid());
    fflush(stdout);
    for (;;) {
        siginfo_t info;
        if (sigwaitinfo(&all, &info) < 0)
            continue;
        say_signal(&info);
        if (info.si_signo == SIGUSR2)
            return 6;
    }
}

static int wait_to_be_killed(void)
{
    printf("ready %d\n", getpid());
    fflush(stdout);
    while (pause() < 0)
        ;
    return 9;
}

static int close_stdout_and_wait(void)
{
    char line[16];
    close(STDOUT_FILENO);
    close(7);
    return fgets(line, sizeof line, stdin) ? 0 : 9;
}

static int say_what_exec_keeps(void)
{
    const int timers[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
    for (int i = 0; i < 3; i++) {
        struct itimerval timer;
        getitimer(timers[i], &timer);
        printf("timer %d %s\n", i, timer.it_value.tv_sec > 900 ? "runs" : "is off");
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    printf("files %d nice %d umask %o\n", (int)files.rlim_cur, getpriority(PRIO_PROCESS, 0), umask(0));
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (socket(AF_INET, SOCK_STREAM, 0) < 0)
        return 9;
    if (!strcmp(what, "signals"))
        return tell_signals();
    if (!strcmp(what, "wait"))
        return wait_to_be_killed();
    if (!strcmp(what, "stdout"))
        return close_stdout_and_wait();
    if (!strcmp(what, "kept"))
        return say_what_exec_keeps();
    if (!strcmp(what, "stop")) {
        raise(SIGSTOP);
        printf("continued\n");
        return 7;
    }
    if (!strcmp(what, "parent")) {
        kill(getppid(), SIGUSR1);
        return 8;
    }
    if (!strcmp(what, "say")) {
        puts(argv[2]);
        return 0;
    }
    return 9;
}
