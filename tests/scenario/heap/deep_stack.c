// scenario: a stack deeper than what is kept has its innermost frames
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 3, "blame": "bottom:leak", "stack": ["bottom:leak", "descend", "descend", "descend"]}
#include "must.h"

static void *volatile last;

FRAME static void bottom(void) { last = malloc(33); /* blame:leak */ }

FRAME static int descend(int depth)
{
    if (depth == 0)
        bottom();
    else
        depth += descend(depth - 1);
    return depth;
}

int main(void)
{
    int i;
    for (i = 0; i < 3; i++)
        descend(5000);
    return 0;
}
