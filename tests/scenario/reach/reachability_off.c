// scenario: with --reachability=off memory is judged by number and growth alone
// run: --reachability=off
// expect: {"rule": "never-released", "severity": "suspect", "count": 3, "reachability": "unknown", "blame": "lose:lost"}
#include "must.h"

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    for (int i = 0; i < 3; i++)
        lose();
    return 0;
}
