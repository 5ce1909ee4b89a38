// scenario: a thread of PTHREAD_STACK_MIN bytes ends the process, and what its stack holds is reachable
// link: -pthread
// status: 5
#include "must.h"

#include <limits.h>
#include <pthread.h>
#include <unistd.h>

static void *end(void *argument)
{
    void *volatile held = malloc(100);
    char own[8192]; /* room that the thread needs itself */
    memset(own, argument != NULL, sizeof own);
    MUST(held && own[sizeof own - 1] == 0);
    _exit(5);
}

int main(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    MUST(pthread_attr_init(&attributes) == 0);
    MUST(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
    MUST(pthread_create(&thread, &attributes, end, NULL) == 0);
    pthread_join(thread, NULL);
    return 0;
}
