// scenario: closing what was never opened and unlocking what is not locked are reported
// note: {"rule": "release-unknown", "function": "close", "count": 2, "blame": "close_stale:close"}
// note: {"rule": "release-unknown", "function": "pthread_mutex_unlock", "count": 1, "blame": "leave:unlock"}
#define _GNU_SOURCE
#include "must.h"

#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;

FRAME static void close_stale(void) { MUST(close(77) == -1 && errno == EBADF); /* blame:close */ }

FRAME static void leave(void) { MUST(pthread_mutex_unlock(&mutex) == EPERM); /* blame:unlock */ }

int main(void)
{
    int i;
    for (i = 0; i < 2; i++)
        close_stale();
    leave();
    return 0;
}
