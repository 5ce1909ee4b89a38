/* Does something of everything that is recorded, and leaves some of each kind. run_every_event.py compares its reports.
 *
 *   busy_program single            one thread
 *   busy_program forks             and forked children that do the same
 *   busy_program threads           threads that free each other's blocks
 *   busy_program forever           acquires and releases in two threads until it is killed; "ready" on stdout
 *   busy_program many N            N blocks, of which every third stays
 *   busy_program churn N           much that is brief, N times */
#include "must.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kept_for_long = 40, rounds = 3000, handed_over = 20000, hands = 64 };

static void *volatile left;

/* Sizes and lives that vary: what is freed was acquired just now, a while ago, or long ago. */
FRAME static void churn(void)
{
    void *kept[kept_for_long] = {0};
    uint32_t random = 12345;
    int i;
    for (i = 0; i < rounds; i++) {
        random = random * 1664525u + 1013904223u;
        void **place = &kept[(random >> 16) % kept_for_long];
        free(*place);
        *place = malloc((random >> 8) % 300 + 1);
        MUST(*place);
        void *brief = calloc(1, 64);
        MUST(brief);
        if (i % 7 == 0)
            brief = realloc(brief, 64 + (size_t)i);
        MUST(brief);
        free(brief);
    }
    for (i = 0; i < kept_for_long - 3; i++)
        free(kept[i]);
    left = kept[kept_for_long - 1];
}

FRAME static void large(void)
{
    void *block = malloc((size_t)300 << 20); /* its size needs an event of its own */
    MUST(block);
    left = realloc(block, 1 << 20);
    MUST(left);
}

FRAME static void descriptors(void)
{
    int pair[2], i;
    for (i = 0; i < 20; i++) {
        int fd = open("/dev/null", O_RDONLY);
        MUST(fd >= 0);
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        MUST(dup2(fd, pair[0]) == pair[0]); /* closes what pair[0] was */
        close(fd);
        close(pair[0]);
        if (i % 5 != 0)
            close(pair[1]);
    }
    FILE *stream = fdopen(open("/dev/null", O_RDONLY), "r"); /* the descriptor becomes the stream's */
    MUST(stream);
    fclose(stream);
    left = fopen("/dev/null", "r");
    MUST(fopen("/nowhere/at/all", "r") == NULL); /* what was made inside for it is unmade */
}

FRAME static void locks(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_rwlock_t *lock = malloc(sizeof *lock);
    MUST(lock);
    MUST(pthread_rwlock_init(lock, NULL) == 0);
    free(lock); /* with a live lock in it: lost */
    pthread_rwlock_t twice;
    MUST(pthread_rwlock_init(&twice, NULL) == 0);
    MUST(pthread_rwlock_init(&twice, NULL) == 0);
    MUST(pthread_rwlock_destroy(&twice) == 0);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_lock(&mutex);
}

FRAME static void mappings(void)
{
    const size_t page = 4096;
    char *pages = mmap(NULL, 16 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(pages != MAP_FAILED);
    munmap(pages, 2 * page);             /* its head */
    munmap(pages + 6 * page, 4 * page);  /* out of the middle */
    munmap(pages + 14 * page, 2 * page); /* its tail */
    char *other = mmap(NULL, 4 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(other != MAP_FAILED);
    munmap(other, 4 * page);
}

static void everything(void)
{
    churn();
    large();
    descriptors();
    locks();
    mappings();
}

/* Blocks that one thread makes and the other frees, without the order of any two being left to chance. */
static void *hand[hands];
static pthread_barrier_t made, freed;

FRAME static void *make_block(int i)
{
    void *block = malloc((size_t)(i % 50) + 1);
    MUST(block);
    return block;
}

static void *maker(void *arg)
{
    int round, i;
    (void)arg;
    for (round = 0; round < handed_over / hands; round++) {
        for (i = 0; i < hands; i++)
            hand[i] = make_block(round + i);
        pthread_barrier_wait(&made);
        pthread_barrier_wait(&freed);
    }
    return NULL;
}

static void *freer(void *arg)
{
    int round, i;
    (void)arg;
    for (round = 0; round < handed_over / hands; round++) {
        pthread_barrier_wait(&made);
        for (i = round % 100 == 0; i < hands; i++)
            free(hand[i]);
        pthread_barrier_wait(&freed);
    }
    return NULL;
}

static void *churn_forever(void *arg)
{
    for (;;)
        churn();
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t a, b;
    MUST(argc >= 2);
    if (strcmp(argv[1], "single") == 0) {
        everything();
    } else if (strcmp(argv[1], "forks") == 0) {
        int i;
        churn();
        for (i = 0; i < 3; i++) {
            pid_t child = fork();
            MUST(child >= 0);
            if (child == 0) {
                everything();
                exit(0);
            }
            MUST(waitpid(child, NULL, 0) == child);
        }
        large();
    } else if (strcmp(argv[1], "threads") == 0) {
        MUST(pthread_barrier_init(&made, NULL, 2) == 0 && pthread_barrier_init(&freed, NULL, 2) == 0);
        MUST(pthread_create(&a, NULL, maker, NULL) == 0 && pthread_create(&b, NULL, freer, NULL) == 0);
        MUST(pthread_join(a, NULL) == 0 && pthread_join(b, NULL) == 0);
        everything();
    } else if (strcmp(argv[1], "churn") == 0) {
        int i;
        MUST(argc >= 3);
        for (i = 0; i < atoi(argv[2]); i++)
            churn();
    } else if (strcmp(argv[1], "many") == 0) {
        int i;
        MUST(argc >= 3);
        for (i = 0; i < atoi(argv[2]); i++) {
            void *block = make_block(i);
            if (i % 3 != 0)
                free(block);
        }
    } else {
        MUST(pthread_create(&a, NULL, churn_forever, NULL) == 0);
        printf("ready\n");
        fflush(stdout);
        churn_forever(NULL);
    }
    return 0;
}
