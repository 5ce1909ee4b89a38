// scenario: a program without frame pointers that is walked by them runs as without us, and the caller at least is told
// build: -O2 -fomit-frame-pointer
// run: --walk=frame-pointers
// expect: { "rule": "never-released", "function": "malloc", "count": 30, "blame": "leak:here" }
#include "must.h"

static void *volatile lost;

static __attribute__((noinline)) void leak(int depth)
{
    volatile char room[100];
    room[0] = (char)depth;
    if (depth > 0) {
        leak(depth - 1);
    } else {
        lost = malloc(10); // blame:here
        lost = NULL;
    }
    room[1] = room[0];
}

int main(void)
{
    for (int i = 0; i < 30; i++)
        leak(7);
    return 0;
}
