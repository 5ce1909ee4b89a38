// scenario: what grows from mark to mark is a leak with its rate; a cache filled once and a balanced peak are not
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "function": "malloc", "count": 20, "bytes": 800,
//          "growth": "linear", "per_cycle": 2, "blame": "connect_once:leak"}
// expect: {"rule": "never-released", "severity": "leak", "family": "socket", "count": 10, "growth": "linear",
//          "per_cycle": 1, "blame": "connect_once:socket"}
// note: {"rule": "never-released", "family": "heap", "function": "calloc", "count": 1, "blame": "main:cache"}
#include "must.h"
#include "unpaired/unpaired.h"

#include <sys/socket.h>

static void *volatile last;

FRAME static void connect_once(void)
{
    int i;
    MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0); /* blame:socket */
    for (i = 0; i < 2; i++)
        last = malloc(40); /* blame:leak */
}

void *cache; /* global: a pointer that nobody reads would not be stored */

int main(void)
{
    int cycle, i;
    cache = calloc(1, 10000); /* blame:cache */
    MUST(cache);
    for (cycle = 0; cycle < 10; cycle++) {
        void *busy[50];
        unpaired_mark("connect");
        for (i = 0; i < 50; i++)
            busy[i] = malloc(100);
        connect_once();
        for (i = 0; i < 50; i++)
            free(busy[i]);
    }
    return 0;
}
