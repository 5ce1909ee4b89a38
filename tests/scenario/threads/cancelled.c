// scenario: threads cancelled in accept, recvmsg and a condition wait end as without us, and go on being recorded
// link: -pthread
// expect: {"rule": "never-released", "family": "eventfd", "count": 3, "acquired": 3, "blame": "clean_up:cleanup"}
// output: cancelled 3
#include "must.h"

#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener, receiver[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t ready;

FRAME static void clean_up(void *number)
{
    MUST(eventfd(0, 0) >= 0); /* blame:cleanup */
    if ((size_t)number == 2)
        MUST(pthread_mutex_unlock(&lock) == 0);
}

static void *block(void *number)
{
    char byte;
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    pthread_cleanup_push(clean_up, number);
    MUST(sem_post(&ready) == 0);
    switch ((size_t)number) {
    case 0:
        accept(listener, NULL, NULL);
        break;
    case 1:
        recvmsg(receiver[0], &message, 0);
        break;
    case 2:
        pthread_mutex_lock(&lock);
        for (;;)
            pthread_cond_wait(&never, &lock);
    }
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    size_t i, cancelled = 0;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, receiver) == 0);
    MUST(sem_init(&ready, 0, 0) == 0);
    for (i = 0; i < 3; i++) {
        pthread_t thread;
        void *result = NULL;
        MUST(pthread_create(&thread, NULL, block, (void *)i) == 0);
        MUST(sem_wait(&ready) == 0);
        MUST(pthread_cancel(thread) == 0); /* in the call, or at its entry: both are cancellation points */
        MUST(pthread_join(thread, &result) == 0);
        cancelled += result == PTHREAD_CANCELED;
    }
    printf("cancelled %zu\n", cancelled);
    MUST(sem_destroy(&ready) == 0);
    close(receiver[0]);
    close(receiver[1]);
    close(listener);
    return 0;
}
