/* Loops over pairs of an acquisition and its release, for scripts/bench.
 *
 *     pairs LOAD COUNT [DEPTH [THREADS]]        LOAD: see the table near the end
 *
 * COUNT pairs in all, shared among THREADS threads (default: 1, the main one), each call made at a stack depth of DEPTH
 * frames (8 or more; default 24, real programs show 12 to 23 in the mean; heap-paths has one more at 8, heap-near at least
 * 14). Prints nothing; the caller measures its time. COUNT 0 measures the start-up alone. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATHS 200
#define MAX_THREADS 64
#define NOINLINE __attribute__((noinline, noclone))
/* after a call, so that it is not a tail call and its frame stays; the number keeps equal calls apart */
#define KEEP_FRAME(number) __asm__ volatile("" ::"i"(number) : "memory")

typedef void (*load_function)(void);

static void heap_pair(void)
{
    void *p = malloc(48);
    __asm__ volatile("" : : "r"(p) : "memory");
    free(p);
    KEEP_FRAME(0);
}

static void socket_pair(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        abort();
    close(fd);
    KEEP_FRAME(0);
}

static void open_pair(void)
{
    int fd = open("/dev/null", O_RDONLY);
    if (fd < 0)
        abort();
    close(fd);
    KEEP_FRAME(0);
}

static void dup_pair(void)
{
    int fd = dup(0);
    if (fd < 0)
        abort();
    close(fd);
    KEEP_FRAME(0);
}

static void rwlock_pair(void)
{
    static __thread pthread_rwlock_t rwlock;
    pthread_rwlock_init(&rwlock, NULL);
    pthread_rwlock_destroy(&rwlock);
    KEEP_FRAME(0);
}

static void mutex_pair(void)
{
    static __thread pthread_mutex_t mutex;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    KEEP_FRAME(0);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- a random choice of 200 paths ---- */

/* Two functions that call each other, chosen by the bits of `path`: 2^8 distinct stacks of one depth, 9 frames each. */
static NOINLINE void left(int depth, unsigned path, load_function load);

static NOINLINE void right(int depth, unsigned path, load_function load)
{
    if (depth == 0)
        load();
    else if (path & 1)
        right(depth - 1, path >> 1, load);
    else
        left(depth - 1, path >> 1, load);
    KEEP_FRAME(0);
}

static NOINLINE void left(int depth, unsigned path, load_function load)
{
    if (depth == 0)
        load();
    else if (path & 1)
        right(depth - 1, path >> 1, load);
    else
        left(depth - 1, path >> 1, load);
    KEEP_FRAME(1);
}
enum { PATH_FRAMES = 9, SHORT_PATH_FRAMES = 2 };

/* The same where there is no room for 9 frames: 16 calls in one function, twice. */
#define EACH_OF_16(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static NOINLINE void last_hop(unsigned path, load_function load)
{
    switch (path % 16) {
#define CASE(n)        \
    case n:            \
        load();        \
        KEEP_FRAME(n); \
        break;
        EACH_OF_16(CASE)
#undef CASE
    }
}

static NOINLINE void first_hop(unsigned path, load_function load)
{
    switch (path % 16) {
#define CASE(n)                    \
    case n:                        \
        last_hop(path / 16, load); \
        KEEP_FRAME(n);             \
        break;
        EACH_OF_16(CASE)
#undef CASE
    }
}

/* ---- stacks that change by about 3 frames from event to event ---- */

struct wandering {
    uint64_t events, random;
    int leaf, up; /* level of the events; frames still to leave */
    void *held;
};
enum { WANDERED_FRAMES = 7 };

/* Each event is malloc or free, in turn. After it 1 to 5 frames are left and as many entered, of two kinds: the kinds
 * being equal by chance, 3 frames differ in the mean, the innermost with them. */
static NOINLINE void wander_left(struct wandering *w, int level);
static NOINLINE void wander_right(struct wandering *w, int level);

#define WANDER(w, level)                                    \
    for (;;) {                                              \
        if (level == w->leaf) {                             \
            if (w->held) {                                  \
                free(w->held);                              \
                w->held = NULL;                             \
            } else {                                        \
                w->held = malloc(48);                       \
            }                                               \
            w->up = (int)(next_random(&w->random) % 5) + 1; \
            if (--w->events == 0)                           \
                w->up = w->leaf;                            \
        } else if (next_random(&w->random) >> 32 & 1) {     \
            wander_left(w, level + 1);                      \
            KEEP_FRAME(0);                                  \
        } else {                                            \
            wander_right(w, level + 1);                     \
            KEEP_FRAME(1);                                  \
        }                                                   \
        if (w->up > 0) {                                    \
            w->up--;                                        \
            return;                                         \
        }                                                   \
        if (w->events == 0)                                 \
            return;                                         \
    }

static NOINLINE void wander_left(struct wandering *w, int level) { WANDER(w, level) }
static NOINLINE void wander_right(struct wandering *w, int level) { WANDER(w, level) }

/* ---- the loops ---- */

enum shape { ONE_PATH, RANDOM_PATHS, NEAR };
static const struct load {
    const char *name;
    load_function load;
    enum shape shape;
} loads[] = {
    {"heap", heap_pair, ONE_PATH},     {"heap-paths", heap_pair, RANDOM_PATHS}, {"heap-near", NULL, NEAR},
    {"socket", socket_pair, ONE_PATH}, {"open", open_pair, ONE_PATH},           {"dup", dup_pair, ONE_PATH},
    {"rwlock", rwlock_pair, ONE_PATH}, {"mutex", mutex_pair, ONE_PATH},
};
static const struct load *load;
static uint64_t count_of_each;
static int depth = 24;

static NOINLINE void below(int frames, uint64_t count, uint64_t random)
{
    uint64_t i;
    if (frames > 1) {
        below(frames - 1, count, random);
        KEEP_FRAME(0);
        return;
    }
    if (load->shape == NEAR) {
        struct wandering w = {2 * count, random, WANDERED_FRAMES, 0, NULL};
        while (w.events > 0)
            wander_left(&w, 1);
        return;
    }
    for (i = 0; i < count; i++)
        if (load->shape == ONE_PATH)
            load->load();
        else if (depth < 24)
            first_hop((unsigned)(next_random(&random) % PATHS), load->load);
        else
            left(PATH_FRAMES - 1, (unsigned)(next_random(&random) % PATHS), load->load);
}

/* `outer`: frames outside of this one's. */
static NOINLINE void run(int outer, uint64_t random)
{
    int frames = depth - outer - 1;
    if (load->shape == NEAR)
        frames -= WANDERED_FRAMES;
    else
        frames -= 1 + (load->shape == ONE_PATH ? 0 : depth < 24 ? SHORT_PATH_FRAMES : PATH_FRAMES);
    below(frames > 1 ? frames : 1, count_of_each, random);
    KEEP_FRAME(0);
}

static void *thread(void *number)
{
    run(3, 88172645463325252u + 7919 * (uint64_t)(uintptr_t)number); /* this, start_thread, clone3 */
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread_of[MAX_THREADS];
    size_t i;
    int n = argc > 4 ? atoi(argv[4]) : 1;
    if (argc > 3)
        depth = atoi(argv[3]);
    for (i = 0; argc > 2 && i < sizeof loads / sizeof *loads; i++)
        if (strcmp(argv[1], loads[i].name) == 0)
            load = &loads[i];
    if (!load || depth < 8 || n < 1 || n > MAX_THREADS) {
        fprintf(stderr, "usage: %s LOAD COUNT [DEPTH [THREADS]]; loads:", argv[0]);
        for (i = 0; i < sizeof loads / sizeof *loads; i++)
            fprintf(stderr, " %s", loads[i].name);
        fprintf(stderr, "\n");
        return 2;
    }
    count_of_each = strtoull(argv[2], NULL, 10) / (uint64_t)n;
    if (n == 1) {
        run(4, 88172645463325252u); /* main and three of the C library */
        return 0;
    }
    for (i = 0; i < (size_t)n; i++)
        if (pthread_create(&thread_of[i], NULL, thread, (void *)i) != 0)
            abort();
    for (i = 0; i < (size_t)n; i++)
        pthread_join(thread_of[i], NULL);
    return 0;
}
