/* Acquires a known number of blocks, forks a child that acquires more, and dies. run_nothing_lost.py counts.
 *
 *   acquire_and_die_program PARENT CHILD END   END: kill, abort, _exit, exit
 *   acquire_and_die_program forever PROGRESS   parent and child acquire until they are killed; what they did
 *                                              stands in the file PROGRESS
 * Every third block is given back at once. */
#include "must.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct progress {
    uint32_t pid;
    volatile uint32_t begun, kept, given_back;
};

FRAME static void *acquire_in_parent(void)
{
    void *block = malloc(20); /* blame:parent */
    MUST(block);
    return block;
}

FRAME static void *acquire_in_child(void)
{
    void *block = malloc(24); /* blame:child */
    MUST(block);
    return block;
}

static void die(const char *how)
{
    if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "_exit") == 0)
        _exit(0);
    exit(0);
}

static void acquire(int n, void *(*one)(void))
{
    int i;
    for (i = 0; i < n; i++) {
        void *block = one();
        if (i % 3 == 0)
            free(block);
    }
}

static void acquire_forever(struct progress *progress, void *(*one)(void))
{
    uint32_t i;
    progress->pid = (uint32_t)getpid();
    for (i = 0; i < 2000000; i++) {
        progress->begun++;
        void *block = one();
        if (i % 3 == 0) {
            free(block);
            progress->given_back++;
        } else {
            progress->kept++;
        }
    }
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    MUST(argc >= 3);
    if (strcmp(argv[1], "forever") == 0) {
        int fd = open(argv[2], O_RDWR);
        struct progress *progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        MUST(fd >= 0 && progress != MAP_FAILED);
        pid_t child = fork();
        MUST(child >= 0);
        acquire_forever(&progress[child == 0], child == 0 ? acquire_in_child : acquire_in_parent);
    }
    MUST(argc == 4);
    acquire(atoi(argv[1]), acquire_in_parent);
    fflush(stdout);
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        acquire(atoi(argv[2]), acquire_in_child);
        die(argv[3]);
    }
    int status;
    MUST(waitpid(child, &status, 0) == child);
    die(argv[3]);
}
