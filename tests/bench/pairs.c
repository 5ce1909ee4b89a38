/* Loops over pairs of an acquisition and its release, for scripts/bench.
 *
 *     pairs LOAD COUNT        LOAD: see the table at the end
 *
 * Prints nothing; the caller measures its processor time. COUNT 0 measures the start-up alone. Calls are made
 * at a stack depth of 24 frames, which is what real programs show in the mean (12 to 23). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEPTH 24
#define PATHS 200
#define NOINLINE __attribute__((noinline, noclone))
/* after a call, so that it is not a tail call and its frame stays */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

typedef void (*load_function)(void);

static void *volatile escape;
static pthread_rwlock_t rwlock;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void heap_pair(void)
{
    void *p = malloc(48);
    escape = p;
    free(p);
}

static void socket_pair(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        abort();
    close(fd);
}

static void open_pair(void)
{
    int fd = open("/dev/null", O_RDONLY);
    if (fd < 0)
        abort();
    close(fd);
}

static void dup_pair(void)
{
    int fd = dup(0);
    if (fd < 0)
        abort();
    close(fd);
}

static void rwlock_pair(void)
{
    pthread_rwlock_init(&rwlock, NULL);
    pthread_rwlock_destroy(&rwlock);
}

static void mutex_pair(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

/* Two functions that call each other, chosen by the bits of `path`: 2^8 distinct stacks of one depth. */
static NOINLINE void left(int depth, unsigned path, load_function load);

static NOINLINE void right(int depth, unsigned path, load_function load)
{
    if (depth == 0)
        load();
    else if (path & 1)
        right(depth - 1, path >> 1, load);
    else
        left(depth - 1, path >> 1, load);
    KEEP_FRAME();
}

static NOINLINE void left(int depth, unsigned path, load_function load)
{
    if (depth == 0)
        load();
    else if (path & 1)
        right(depth - 1, path >> 1, load);
    else
        left(depth - 1, path >> 1, load);
    KEEP_FRAME();
}

static NOINLINE void below(int depth, load_function load, uint64_t count, int random_paths)
{
    uint64_t i, state = 88172645463325252u;
    if (depth > 0) {
        below(depth - 1, load, count, random_paths);
        KEEP_FRAME();
        return;
    }
    for (i = 0; i < count; i++) {
        if (!random_paths) {
            load();
            continue;
        }
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        left(8, (unsigned)(state % PATHS), load);
    }
}

static const struct {
    const char *name;
    load_function load;
    int random_paths;
} loads[] = {
    {"heap", heap_pair, 0}, {"heap-paths", heap_pair, 1}, {"socket", socket_pair, 0}, {"open", open_pair, 0},
    {"dup", dup_pair, 0},   {"rwlock", rwlock_pair, 0},   {"mutex", mutex_pair, 0},
};

int main(int argc, char **argv)
{
    size_t i;
    if (argc == 3)
        for (i = 0; i < sizeof loads / sizeof *loads; i++)
            if (strcmp(argv[1], loads[i].name) == 0) {
                below(DEPTH - 2 - (loads[i].random_paths ? 9 : 0), loads[i].load, strtoull(argv[2], NULL, 10),
                      loads[i].random_paths);
                return 0;
            }
    fprintf(stderr, "usage: %s LOAD COUNT; loads:", argv[0]);
    for (i = 0; i < sizeof loads / sizeof *loads; i++)
        fprintf(stderr, " %s", loads[i].name);
    fprintf(stderr, "\n");
    return 2;
}
