// scenario: an owner scope is the thread's own, and a named thread owns what no scope claims
// link: -pthread
// expect: {"rule": "never-released", "family": "epoll", "owner": "MAIN", "count": 1, "blame": "main:main"}
// expect: {"rule": "never-released", "family": "epoll", "owner": "MQTT", "count": 1, "blame": "receive:thread"}
#define _GNU_SOURCE
#include "must.h"
#include "unpaired/unpaired.h"

#include <pthread.h>
#include <sys/epoll.h>

static pthread_barrier_t both;

FRAME static void receive(void) { MUST(epoll_create1(0) >= 0); /* blame:thread */ }

static void *thread(void *unused)
{
    MUST(pthread_setname_np(pthread_self(), "mqtt_rx") == 0);
    pthread_barrier_wait(&both);
    receive();
    return unused;
}

int main(void)
{
    UNPAIRED_OWNER_SCOPE("MAIN");
    pthread_t id;
    MUST(pthread_barrier_init(&both, NULL, 2) == 0);
    MUST(pthread_create(&id, NULL, thread, NULL) == 0);
    pthread_barrier_wait(&both);
    MUST(epoll_create1(0) >= 0); /* blame:main */
    MUST(pthread_join(id, NULL) == 0);
    MUST(pthread_barrier_destroy(&both) == 0);
    return 0;
}
