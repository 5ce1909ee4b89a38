// scenario: initialising a live condition variable again loses the first
// expect: {"rule": "reinitialised-live", "severity": "leak", "family": "cond", "function": "pthread_cond_init",
//          "count": 4, "acquired": 5, "blame": "reconnect:init",
//          "ended_by": {"function": "pthread_cond_init", "stack": ["reconnect:init", "main"]}}
#include "must.h"

#include <pthread.h>

static pthread_cond_t connected;

FRAME static void reconnect(void) { MUST(pthread_cond_init(&connected, NULL) == 0); /* blame:init */ }

int main(void)
{
    int i;
    for (i = 0; i < 5; i++)
        reconnect();
    MUST(pthread_cond_destroy(&connected) == 0);
    return 0;
}
