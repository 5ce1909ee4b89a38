// scenario: of four hundred thousand blocks alive at once the ones that are left are counted exactly
// note: {"rule": "never-released", "reachability": "reachable", "family": "heap", "function": "malloc", "count": 57143, "acquired": 400000, "blame": "make:make"}
#include "must.h"

#include <stdint.h>

enum { N = 400000 };
static void *blocks[N];

FRAME static void *make(size_t size)
{
    void *block = malloc(size); /* blame:make */
    MUST(block);
    return block;
}

int main(void)
{
    uint32_t state = 1;
    int i, left = 0;
    for (i = 0; i < N; i++)
        blocks[i] = make(8 + (size_t)i % 90);
    for (i = N - 1; i > 0; i--) { /* released in an order that has nothing to do with theirs */
        state = state * 1664525 + 1013904223;
        int other = (int)(state % (uint32_t)(i + 1));
        void *swapped = blocks[i];
        blocks[i] = blocks[other];
        blocks[other] = swapped;
    }
    for (i = 0; i < N; i++) {
        if (i % 7 == 0)
            left++;
        else
            free(blocks[i]);
    }
    printf("left %d\n", left);
    return 0;
}
