// scenario: a block that only a thread-local variable of the main thread points to is held by that
// note: {"family": "heap", "count": 1, "reachability": "reachable", "blame": "keep:kept",
//   "held_by": "~^held by thread-local storage of thread \\d+"}
#include "must.h"

_Thread_local char *t_kept;

FRAME static void keep(void)
{
    t_kept = malloc(100); /* blame:kept */
    MUST(t_kept != NULL);
}

FRAME static void sweep(void)
{
    volatile char ground[4096];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

int main(void)
{
    keep();
    sweep();
    return 0;
}
