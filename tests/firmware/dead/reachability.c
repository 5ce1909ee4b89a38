// firmware: in the RAM of a dead device each block is told as lost, possibly lost or held, and by whom
// config: FRAMES=8
// dies:
// postmortem: --all
// totals: {"heap": {"unpaired": 7}}
// expect: {"rule": "never-released", "severity": "leak", "count": 2, "bytes": 202, "reachability": "lost", "blame": "lose:lost"}
// note: {"rule": "never-released", "count": 1, "bytes": 11, "reachability": "reachable", "blame": "from_data:data"}
// note: {"rule": "never-released", "count": 1, "bytes": 12, "reachability": "reachable", "blame": "from_bss:bss"}
// note: {"rule": "never-released", "count": 1, "bytes": 13, "reachability": "reachable", "blame": "from_block:block"}
// What a stack holds may be stale: a RAM image has no registers that would tell.
// note: {"rule": "never-released", "count": 1, "bytes": 14, "reachability": "possibly", "blame": "main:stack"}
// note: {"rule": "never-released", "count": 1, "bytes": 115, "reachability": "possibly", "blame": "into_the_middle:middle"}
#include "board.h"

#include <stdlib.h>
#include <string.h>

static void *(*volatile plain)(size_t) = malloc;

static void *volatile in_data = (void *)1;
static void **volatile in_bss;
static char *volatile middle;

FRAME static void from_data(void) { in_data = plain(11); /* blame:data */ }
FRAME static void from_bss(void)
{
    in_bss = plain(12); /* blame:bss */
    memset(in_bss, 0, 12);
}
FRAME static void from_block(void)
{
    in_bss[1] = plain(13); /* blame:block */
    memset(in_bss[1], 0, 13);
}
FRAME static void into_the_middle(void)
{
    char *p = plain(115); /* blame:middle */
    memset(p, 0, 115);
    middle = p + 40;
}
FRAME static void lose(void)
{
    void *p = plain(101); /* blame:lost */
    memset(p, 'x', 101);
}

/* Overwrites what the calls before left on the stack and in registers. */
FRAME static void forget(void)
{
    volatile char stale[600];
    unsigned i;
    for (i = 0; i < sizeof stale; i++)
        stale[i] = 0;
}

FRAME static void die_holding(void *const *p)
{
    board_tell("holds", p[0] != NULL);
    board_die();
}

int main(void)
{
    void *held[1];
    from_data();
    from_bss();
    from_block();
    into_the_middle();
    lose();
    lose();
    forget();
    held[0] = plain(14); /* blame:stack */
    forget();
    die_holding(held);
}
