/* Makes one call of each kind of hook, and releases all that it acquires. */
#pragma once

#define _GNU_SOURCE
#include "must.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void use_heap(void)
{
    void *volatile block = malloc(100), *volatile zeroed = calloc(3, 1000), *aligned = NULL;
    block = realloc(block, 5000);
    MUST(block && zeroed && posix_memalign(&aligned, 64, 100) == 0);
    free(block);
    free(zeroed);
    free(aligned);
}

static void use_locks(void)
{
    static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
    pthread_mutex_t mutex;
    sem_t semaphore;
    MUST(pthread_mutex_init(&mutex, NULL) == 0 && pthread_mutex_lock(&mutex) == 0);
    MUST(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_destroy(&mutex) == 0);
    MUST(pthread_rwlock_rdlock(&rwlock) == 0 && pthread_rwlock_unlock(&rwlock) == 0);
    MUST(sem_init(&semaphore, 0, 0) == 0 && sem_destroy(&semaphore) == 0);
}

static void use_descriptors(void)
{
    int ends[2];
    const int file = open("/dev/null", O_RDONLY), connection = socket(AF_UNIX, SOCK_STREAM, 0),
              poller = epoll_create1(0), second = dup(file);
    MUST(file >= 0 && connection >= 0 && poller >= 0 && second >= 0 && pipe(ends) == 0);
    MUST(dup2(file, ends[0]) == ends[0]);
    MUST(close(file) == 0 && close(connection) == 0 && close(poller) == 0 && close(second) == 0);
    MUST(close(ends[0]) == 0 && close(ends[1]) == 0);
    MUST(open("/nonexistent/file", O_RDONLY) < 0);
}

static void use_streams(void)
{
    FILE *stream = fopen("/dev/null", "r");
    DIR *folder = opendir("/");
    MUST(stream && folder && fclose(stream) == 0 && closedir(folder) == 0);
}

static void use_mappings(void)
{
    char *room = mmap(NULL, 2 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(room != MAP_FAILED && munmap(room, 4096) == 0 && munmap(room + 4096, 4096) == 0);
}

static void *end_at_once(void *argument) { return argument; }

static void use_threads(void)
{
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, end_at_once, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static void use_failing_exec(void)
{
    char *arguments[] = {(char *)"nothing", NULL};
    MUST(execv("/nonexistent/program", arguments) < 0);
    MUST(execlp("/nonexistent/program", "nothing", (char *)NULL) < 0);
}

/* The child ends on its parent's stack, and records events at its end. */
static void use_children(void)
{
    for (int acquires = 0; acquires < 2; acquires++) {
        int status = -1;
        const pid_t child = fork();
        if (child == 0) {
            if (acquires) {
                use_heap();
                use_failing_exec();
            }
            _exit(7);
        }
        MUST(child > 0 && waitpid(child, &status, 0) == child);
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
}

static void (*const hooked_calls[])(void) = {use_heap,     use_locks,   use_descriptors,  use_streams,
                                             use_mappings, use_threads, use_failing_exec, use_children};
enum { n_hooked_calls = sizeof hooked_calls / sizeof hooked_calls[0] };
