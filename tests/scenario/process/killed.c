// scenario: a program killed by a signal keeps its report
// status: 137
// image: {"end": "signal:9"}
// expect: {"rule": "never-released", "family": "heap", "severity": "suspect", "count": 30, "bytes": 600, "acquired": 30, "blame": "grow:grow"}
#include "must.h"

#include <signal.h>

static void *kept[30];

FRAME static void grow(int i)
{
    kept[i] = malloc(20); /* blame:grow */
    MUST(kept[i]);
}

int main(void)
{
    int i;
    for (i = 0; i < 30; i++)
        grow(i);
    raise(SIGKILL);
    return 0;
}
