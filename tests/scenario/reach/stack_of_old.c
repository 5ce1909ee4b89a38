// scenario: what stood on the stack in calls that returned, deeper than where the program ended, holds nothing
// expect: {"rule": "never-released", "severity": "leak", "count": 40, "reachability": "lost", "blame": "lose:lost",
//   "reached": {"lost": {"count": 40}}}
#include "must.h"

/* A page and more that the program has no frames in any more when it ends. */
FRAME static void lose(void)
{
    char *volatile ground[40][64];
    for (int i = 0; i < 40; i++) {
        char *block = malloc(100); /* blame:lost */
        MUST(block != NULL);
        for (int k = 0; k < 64; k++)
            ground[i][k] = block;
    }
    asm volatile("" ::"r"(ground) : "memory");
}

FRAME static void sweep(void)
{
    volatile char ground[2048];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

int main(void)
{
    lose();
    sweep();
    return 0;
}
