/* Runs a program and tells what it used, for scripts/bench.
 *
 *     measure FILE PROGRAM [ARGS]
 *
 * Writes "SECONDS KIB STATUS" to FILE: user and system time, peak memory and wait status of the program alone. The
 * kernel counts a parent's memory as its child's peak until exec, so the parent must be as small as this one. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
    struct rusage used;
    pid_t child;
    int status, error;
    FILE *file;

    if (argc < 3) {
        fprintf(stderr, "usage: %s FILE PROGRAM [ARGS]\n", argv[0]);
        return 2;
    }
    error = posix_spawnp(&child, argv[2], NULL, NULL, argv + 2, environ);
    if (error != 0) {
        fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(error));
        return 2;
    }
    if (wait4(child, &status, 0, &used) != child || !(file = fopen(argv[1], "w")))
        return 2;
    fprintf(file, "%.6f %ld %d\n",
            (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
            used.ru_maxrss, status);
    return fclose(file) == 0 ? 0 : 2;
}
