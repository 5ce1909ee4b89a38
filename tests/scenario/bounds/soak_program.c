/* Pairs of malloc and free from two threads, without end in view: about LIVE blocks are live at any time, and half of them
 * are freed by the other thread.
 *
 *     soak_program PAIRS LIVE
 *
 * At a tenth of the pairs and at their end it prints a line and waits for one on its standard input, all threads at rest:
 * then somebody looks at the trace's size. Prints the pairs freed elsewhere last. */
#include "must.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

enum { THREADS = 2, MOST_LIVE = 100000, PATH_BITS = 6 };

/* Blocks on their way from one thread to the next: written by one, read by one. */
struct ring {
    void *block[MOST_LIVE];
    _Alignas(64) atomic_size_t first;
    _Alignas(64) atomic_size_t end;
};
static struct ring rings[THREADS];
static size_t each_keeps; /* blocks in a thread's own hands, and at most as many on their way from it */
static uint64_t goals[2];
static pthread_barrier_t at_goal;
static atomic_int arrived;
static uint64_t freed_elsewhere[THREADS];

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* 2^PATH_BITS distinct stacks, for each call. */
static FRAME void *acquire_right(int level, unsigned path, size_t size);
static FRAME void *acquire_left(int level, unsigned path, size_t size)
{
    void *block = level == 0 ? malloc(size)
                  : path & 1 ? acquire_right(level - 1, path >> 1, size)
                             : acquire_left(level - 1, path >> 1, size);
    MUST(block);
    return block;
}
static FRAME void *acquire_right(int level, unsigned path, size_t size)
{
    void *block = level == 0 ? malloc(size)
                  : path & 1 ? acquire_right(level - 1, path >> 1, size)
                             : acquire_left(level - 1, path >> 1, size);
    MUST(block);
    return block;
}

static FRAME void free_own(void *block) { free(block); }
static FRAME void free_of_another(void *block) { free(block); }

static void take_what_came(int me)
{
    struct ring *ring = &rings[me];
    size_t first = atomic_load_explicit(&ring->first, memory_order_relaxed);
    const size_t end = atomic_load_explicit(&ring->end, memory_order_acquire);
    for (; first != end; first++, freed_elsewhere[me]++)
        free_of_another(ring->block[first % each_keeps]);
    atomic_store_explicit(&ring->first, first, memory_order_release);
}

static void hand_over(int me, void *block)
{
    struct ring *ring = &rings[(me + 1) % THREADS];
    const size_t end = atomic_load_explicit(&ring->end, memory_order_relaxed);
    while (end - atomic_load_explicit(&ring->first, memory_order_acquire) == each_keeps) {
        take_what_came(me); /* the other may wait for us likewise */
        sched_yield();
    }
    ring->block[end % each_keeps] = block;
    atomic_store_explicit(&ring->end, end + 1, memory_order_release);
}

/* Waits for all. Until the others are there too, what they hand over is taken; they might wait for room. */
static void rest(int me, int goal)
{
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < THREADS * (goal + 1)) {
        take_what_came(me);
        sched_yield();
    }
    take_what_came(me);
    pthread_barrier_wait(&at_goal);
    if (me == 0) {
        printf("look\n");
        fflush(stdout);
        MUST(getchar() != EOF);
    }
    pthread_barrier_wait(&at_goal);
}

static void *work(void *number)
{
    const int me = (int)(intptr_t)number;
    uint64_t random = 88172645463325252u + (uint64_t)me * 7919, done = 0;
    void **own = calloc(each_keeps, sizeof *own);
    int i;
    size_t k;
    MUST(own);
    for (i = 0; i < 2; i++) {
        for (; done < goals[i]; done++) {
            const uint64_t r = next_random(&random);
            void *block = acquire_left(PATH_BITS, (unsigned)(done / 8), 16 + r % 500);
            if (done % 2 == 0) {
                hand_over(me, block);
            } else {
                void **place = &own[(r >> 32) % each_keeps];
                free_own(*place);
                *place = block;
            }
            if (done % 64 == 0)
                take_what_came(me);
        }
        rest(me, i);
    }
    for (k = 0; k < each_keeps; k++)
        free_own(own[k]);
    free(own);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS];
    int i;
    MUST(argc == 3);
    each_keeps = strtoull(argv[2], NULL, 10) / (2 * THREADS);
    MUST(each_keeps > 0 && each_keeps <= MOST_LIVE);
    goals[1] = strtoull(argv[1], NULL, 10) / THREADS;
    goals[0] = goals[1] / 10;
    MUST(pthread_barrier_init(&at_goal, NULL, THREADS) == 0);
    for (i = 0; i < THREADS; i++)
        MUST(pthread_create(&thread[i], NULL, work, (void *)(intptr_t)i) == 0);
    for (i = 0; i < THREADS; i++)
        MUST(pthread_join(thread[i], NULL) == 0);
    MUST(pthread_barrier_destroy(&at_goal) == 0);
    printf("%llu\n", (unsigned long long)(freed_elsewhere[0] + freed_elsewhere[1]));
    return 0;
}
