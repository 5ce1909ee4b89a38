// scenario: a call that yields two handles begins one cycle
// run: --cycle=pipe
// image: {"cycles": 6}
// expect: {"rule": "never-released", "severity": "leak", "family": "pipe", "count": 6, "growth": "linear", "per_cycle": 1}
#include "must.h"

#include <unistd.h>

int main(void)
{
    for (int cycle = 0; cycle < 6; cycle++) {
        int ends[2];
        MUST(pipe(ends) == 0);
        MUST(close(ends[0]) == 0); /* the other one is forgotten */
    }
    return 0;
}
