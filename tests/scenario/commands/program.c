/* What the command tests run; its first argument says what it does. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the launcher must not have changed. */
static int show_state(int argc, char **argv)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "SigBlk", 6) || !strncmp(line, "SigIgn", 6) || !strncmp(line, "SigCgt", 6))
            fputs(line, stdout);
    if (status)
        fclose(status);
    printf("group %s\n", getpgrp() == getpgid(getppid()) ? "same" : "other");
    DIR *folder = opendir("/proc/self/fd");
    printf("descriptors");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder))
            printf(" %s", entry->d_name);
    if (folder)
        closedir(folder);
    printf("\narguments");
    for (int i = 0; i < argc; i++)
        printf(" [%s]", argv[i]);
    printf("\npreload %s\n", getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "");
    return 0;
}

/* Tells that it is ready, and what arrives. */
static int wait_for_signal(void)
{
    sigset_t all;
    int got = 0;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    printf("ready %d\n", getpid());
    fflush(stdout);
    sigwait(&all, &got);
    printf("got %d\n", got);
    return 5;
}

static void acquire(int count)
{
    for (int i = 0; i < count; i++)
        *(char volatile *)malloc(32) = 1;
}

char *kept[64]; /* global: pointers that nobody reads would not be stored */
static int kept_count;

static void keep(int count)
{
    for (int i = 0; i < count && kept_count < 64; i++) {
        kept[kept_count] = malloc(48);
        *(char volatile *)kept[kept_count++] = 'k';
    }
}

/* What calls left on the stack must not hold anything. */
static void __attribute__((noinline)) sweep(void)
{
    volatile char ground[8192];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

/* Obeys lines on stdin: "N" acquires N blocks, points to none of them any more and says so; "keep N" keeps pointers to
 * them; "child" leaves a child that waits as well; "quit". */
static int obey(void)
{
    char line[64];
    int socket_left_open = socket(AF_INET, SOCK_STREAM, 0);
    printf("ready %d %d\n", getpid(), socket_left_open);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (!strncmp(line, "quit", 4))
            return 0;
        if (!strncmp(line, "child", 5)) {
            int ready[2];
            char byte;
            if (pipe(ready) != 0)
                return 9;
            if (fork() == 0) {
                acquire(4);
                printf("child %d\n", getpid());
                fflush(stdout);
                close(ready[0]);
                close(ready[1]);
                pause();
            }
            close(ready[1]);
            return read(ready[0], &byte, 1) == 0 ? 0 : 9; /* ends when the child has closed its end */
        }
        if (!strncmp(line, "keep ", 5)) {
            keep(atoi(line + 5));
            printf("kept %d\n", atoi(line + 5));
        } else {
            acquire(atoi(line));
            printf("acquired %d\n", atoi(line));
        }
        sweep();
        fflush(stdout);
    }
    return 0;
}

static int leak_sockets(int count)
{
    for (int i = 0; i < count; i++)
        if (socket(AF_INET, SOCK_STREAM, 0) < 0)
            return 9;
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    const int number = argc > 2 ? atoi(argv[2]) : 0;
    if (!strcmp(what, "state"))
        return show_state(argc, argv);
    if (!strcmp(what, "status"))
        return number;
    if (!strcmp(what, "leak")) {
        const int failed = leak_sockets(number);
        return failed ? failed : argc > 3 ? atoi(argv[3]) : 0;
    }
    if (!strcmp(what, "churn")) {
        for (int i = 0; i < number; i++) {
            char volatile *block = malloc(32);
            *block = 1;
            free((void *)block);
        }
        return 0;
    }
    if (!strcmp(what, "raise")) {
        leak_sockets(2);
        signal(number, SIG_DFL);
        raise(number);
        return 9;
    }
    if (!strcmp(what, "wait"))
        return wait_for_signal();
    if (!strcmp(what, "obey"))
        return obey();
    fprintf(stderr, "program: nothing to do for '%s'\n", what);
    return 9;
}
