// scenario: forking while other threads acquire and release neither hangs nor blurs the counts
// link: -pthread
// image: {"end": "exit"}
// note: {"rule": "never-released", "family": "heap", "reachability": "reachable", "count": 60, "bytes": 1920, "acquired": 60, "blame": "in_parent:parent"}
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "eventfd", "count": 3, "blame": "in_child:child"}
// output: forked 60
// Only the last child leaves anything.
#include "must.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int stop;
static void *kept[60];

static void *churn(void *unused)
{
    while (!stop) {
        void *block = malloc(100);
        FILE *stream = fopen("/dev/null", "w");
        if (stream)
            fclose(stream);
        free(block);
    }
    return unused;
}

FRAME static void in_parent(int i)
{
    kept[i] = malloc(32); /* blame:parent */
    MUST(kept[i]);
}

FRAME static void in_child(void) { MUST(eventfd(0, 0) >= 0); /* blame:child */ }

int main(void)
{
    pthread_t threads[3];
    int i, j, status;
    for (i = 0; i < 3; i++)
        MUST(pthread_create(&threads[i], NULL, churn, NULL) == 0);
    for (i = 0; i < 60; i++) {
        in_parent(i);
        pid_t child = fork();
        MUST(child >= 0);
        if (child == 0) {
            free(malloc(50));
            free(kept[i]);
            for (j = 0; j < 3 && i == 59; j++)
                in_child();
            _exit(0);
        }
        MUST(waitpid(child, &status, 0) == child && status == 0);
    }
    stop = 1;
    for (i = 0; i < 3; i++)
        MUST(pthread_join(threads[i], NULL) == 0);
    puts("forked 60");
    return 0;
}
