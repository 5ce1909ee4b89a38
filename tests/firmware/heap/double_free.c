// firmware: a block that is freed twice is told, with who took it and who gave it back twice
// config: RING=64 SEND_AT_ONCE=1
// dies:
// report:
// expect: {"rule": "double-release", "severity": "leak", "family": "heap", "count": 1, "blame": "clean_up:second",
//          "stack": ["acquire:block", "main"], "failed_release": {"function": "free", "stack": ["clean_up"]},
//          "ended_by": {"function": "free", "stack": ["close_session"]}}
// postmortem:
// expect: {"rule": "double-release", "severity": "leak", "family": "heap", "count": 1, "blame": "clean_up:second",
//          "stack": ["acquire:block", "main"], "failed_release": {"function": "free", "stack": ["clean_up"]}}
#include "board.h"

#include <stdlib.h>

static void *volatile block;
static void (*volatile give_back)(void *) = free;

FRAME static void acquire(void) { block = malloc(24); /* blame:block */ }
FRAME static void close_session(void) { give_back(block); }
FRAME static void clean_up(void) { give_back(block); /* blame:second */ }

int main(void)
{
    acquire();
    close_session();
    clean_up();
    board_die();
}
