/* Threads that each acquire and release along many paths, keeping a few blocks.
 *
 *     threads_program THREADS AT_ONCE PAIRS
 *
 * Each thread makes PAIRS pairs along 64 paths, and at its end releases all it kept. At a tenth of the threads, and when the last batch is
 * at work, each of its threads keeping KEPT blocks, a line is printed and one on standard input waited for: then somebody
 * looks at the memory. */
#include "must.h"

#include <pthread.h>
#include <stdint.h>

enum { MOST_AT_ONCE = 1024, KEPT = 20 };

static pthread_barrier_t kept_all, looked;
static int look;
static long pairs;

static FRAME void *acquire(int path)
{
    void *block;
    if (path == 0) {
        block = malloc(40);
        MUST(block);
        return block;
    }
    block = path & 1 ? acquire(path >> 1) : acquire(path >> 1);
    MUST(block);
    return block;
}

static void *work(void *number)
{
    void *kept[KEPT];
    long i;
    for (i = 0; i < pairs; i++)
        free(acquire((int)(i % 64)));
    for (i = 0; i < KEPT; i++)
        kept[i] = acquire((int)i);
    if (look) {
        pthread_barrier_wait(&kept_all);
        pthread_barrier_wait(&looked);
    }
    for (i = 0; i < KEPT; i++)
        free(kept[i]);
    return number;
}

int main(int argc, char **argv)
{
    static pthread_t thread[MOST_AT_ONCE];
    long threads, at_once, done, i;
    MUST(argc == 4);
    threads = atol(argv[1]);
    at_once = atol(argv[2]);
    pairs = atol(argv[3]);
    MUST(at_once > 0 && at_once <= MOST_AT_ONCE && threads >= at_once);
    MUST(pthread_barrier_init(&kept_all, NULL, (unsigned)at_once + 1) == 0);
    MUST(pthread_barrier_init(&looked, NULL, (unsigned)at_once + 1) == 0);
    for (done = 0; done < threads; done += at_once) {
        look = done + at_once >= threads || done / at_once == threads / at_once / 10;
        for (i = 0; i < at_once; i++)
            MUST(pthread_create(&thread[i], NULL, work, NULL) == 0);
        if (look) {
            pthread_barrier_wait(&kept_all);
            printf("look\n");
            fflush(stdout);
            MUST(getchar() != EOF);
            pthread_barrier_wait(&looked);
        }
        for (i = 0; i < at_once; i++)
            MUST(pthread_join(thread[i], NULL) == 0);
    }
    MUST(pthread_barrier_destroy(&kept_all) == 0 && pthread_barrier_destroy(&looked) == 0);
    return 0;
}
