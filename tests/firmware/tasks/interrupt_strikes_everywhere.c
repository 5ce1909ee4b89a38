// firmware: an interrupt that allocates in the middle of nearly every hook loses and adds nothing to what is live
// libc: nano newlib
// sink: none
// config: TASKS=2 NESTING=2 RING=0 SITES=16
// with: rig/malloc_lock.c
// dies:
// icount:
// postmortem:
// totals: {"heap": {"unpaired": 1006, "unpaired_bytes": 8048}}
// expect: {"rule": "never-released", "count": 1000, "bytes": 8000, "blame": "lose:main"}
// expect: {"rule": "never-released", "count": 6, "bytes": 48, "blame": "lose_in_interrupt:interrupt"}
// remark: of 13006 acquisitions are in no total
#include "board.h"

#include <stdlib.h>

static void *(*volatile plain)(size_t) = malloc;
static volatile unsigned pairs_in_interrupt;

FRAME static void lose_in_interrupt(void) { plain(8); /* blame:interrupt */ }
static void tick(void)
{
    void *p, *q;
    if (pairs_in_interrupt == 2000) {
        board_tick_every(1000, NULL);
        return;
    }
    p = plain(24);
    q = plain(pairs_in_interrupt % 90);
    if (pairs_in_interrupt % 300 == 299)
        lose_in_interrupt();
    MUST(p && q);
    free(p);
    free(q);
    pairs_in_interrupt += 1;
}

FRAME static void lose(void) { plain(8); /* blame:main */ }

int main(void)
{
    unsigned i;
    /* every 2,440 instructions: no multiple of what a round of the loop takes, so that it strikes everywhere */
    board_tick_every(61, tick);
    for (i = 0; i < 4000; i++) {
        void *p = plain(i % 60), *q = plain(32);
        MUST(p && q);
        free(q);
        if (i % 4 == 0)
            lose();
        free(p);
    }
    while (pairs_in_interrupt < 2000) {
    }
    board_die();
}
