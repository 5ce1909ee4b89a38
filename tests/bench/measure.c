/* Runs a program and tells what it used, for scripts/bench.
 *
 *     measure FILE [NAME=VALUE...] PROGRAM [ARGS]
 *
 * Writes "SECONDS KIB STATUS WALL BYTES" to FILE: user and system time, peak memory, wait status, elapsed seconds and
 * bytes written to storage, of the program and of the processes that it waited for. The kernel counts a parent's
 * memory as its child's peak until exec, so the parent must be as small as this one. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

int main(int argc, char **argv)
{
    struct rusage used;
    struct timespec begin, end;
    pid_t child;
    int status, error, program = 2;
    FILE *file;

    /* the program's environment: ours is read already, so a recorder is not loaded here */
    while (program < argc && strchr(argv[program], '=') && putenv(argv[program]) == 0)
        program++;
    if (program >= argc) {
        fprintf(stderr, "usage: %s FILE [NAME=VALUE...] PROGRAM [ARGS]\n", argv[0]);
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &begin);
    error = posix_spawnp(&child, argv[program], NULL, NULL, argv + program, environ);
    if (error != 0) {
        fprintf(stderr, "measure: %s: %s\n", argv[program], strerror(error));
        return 2;
    }
    if (wait4(child, &status, 0, &used) != child)
        return 2;
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (!(file = fopen(argv[1], "w")))
        return 2;
    fprintf(file, "%.6f %ld %d %.6f %ld\n",
            (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6,
            used.ru_maxrss, status,
            (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
            used.ru_oublock * 512);
    return fclose(file) == 0 ? 0 : 2;
}
