// scenario: blocks that one thread acquires and another releases are paired, and what is left is exact
// link: -pthread
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "function": "malloc", "count": 20,
//          "bytes": 640, "acquired": 40000, "released": 39980, "blame": "produce:malloc"}
#include "must.h"

#include <pthread.h>

enum { PAIRS = 4, BLOCKS = 10000, LEFT = 5, SLOTS = 64 };

struct channel {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void *block[SLOTS];
    int first, n, ended;
};
static struct channel channels[PAIRS];

FRAME static void *produce(void)
{
    void *block = malloc(32); /* blame:malloc */
    return block;
}

static void *producer(void *argument)
{
    struct channel *channel = argument;
    int i;
    for (i = 0; i < BLOCKS; i++) {
        void *block = produce();
        MUST(block);
        pthread_mutex_lock(&channel->lock);
        while (channel->n == SLOTS)
            pthread_cond_wait(&channel->changed, &channel->lock);
        channel->block[(channel->first + channel->n++) % SLOTS] = block;
        pthread_cond_signal(&channel->changed);
        pthread_mutex_unlock(&channel->lock);
    }
    pthread_mutex_lock(&channel->lock);
    channel->ended = 1;
    pthread_cond_signal(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
    return NULL;
}

static void *consumer(void *argument)
{
    struct channel *channel = argument;
    int taken = 0;
    for (;;) {
        pthread_mutex_lock(&channel->lock);
        while (channel->n == 0 && !channel->ended)
            pthread_cond_wait(&channel->changed, &channel->lock);
        if (channel->n == 0) {
            pthread_mutex_unlock(&channel->lock);
            return NULL;
        }
        void *block = channel->block[channel->first];
        channel->first = (channel->first + 1) % SLOTS;
        channel->n--;
        pthread_cond_signal(&channel->changed);
        pthread_mutex_unlock(&channel->lock);
        if (taken++ % (BLOCKS / LEFT) != 0)
            free(block);
    }
}

int main(void)
{
    pthread_t threads[2 * PAIRS];
    int i;
    for (i = 0; i < PAIRS; i++) {
        MUST(pthread_mutex_init(&channels[i].lock, NULL) == 0 &&
             pthread_cond_init(&channels[i].changed, NULL) == 0);
        MUST(pthread_create(&threads[2 * i], NULL, producer, &channels[i]) == 0);
        MUST(pthread_create(&threads[2 * i + 1], NULL, consumer, &channels[i]) == 0);
    }
    for (i = 0; i < 2 * PAIRS; i++)
        MUST(pthread_join(threads[i], NULL) == 0);
    for (i = 0; i < PAIRS; i++)
        MUST(pthread_mutex_destroy(&channels[i].lock) == 0 &&
             pthread_cond_destroy(&channels[i].changed) == 0);
    return 0;
}
