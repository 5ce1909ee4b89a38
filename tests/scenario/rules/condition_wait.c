// scenario: waiting for a condition gives the mutex up and takes it back, and nothing is held in the end
// link: -pthread
#include "must.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;

static void *player(void *number)
{
    int own = number != NULL, i;
    for (i = 0; i < 500; i++) {
        MUST(pthread_mutex_lock(&lock) == 0);
        while (turn != own)
            MUST(pthread_cond_wait(&changed, &lock) == 0);
        turn = !own;
        MUST(pthread_cond_broadcast(&changed) == 0);
        MUST(pthread_mutex_unlock(&lock) == 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, player, &lock) == 0);
    player(NULL);
    MUST(pthread_join(thread, NULL) == 0);
    return 0;
}
