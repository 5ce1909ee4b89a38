// firmware: a full site table evicts no live site and says how many acquisitions it could not place
// config: SITES=4 FRAMES=1
// dies:
// postmortem:
// remark: 3 acquisitions found no room in the site table
// expect: {"rule": "never-released", "count": 3, "bytes": 33, "blame": "leak_first:first"}
// expect: {"rule": "never-released", "count": 3, "bytes": 63, "blame": "leak_1"}
// expect: {"rule": "never-released", "count": 3, "bytes": 66, "blame": "leak_2"}
// expect: {"rule": "never-released", "count": 3, "bytes": 69, "blame": "leak_3"}
// The fifth site found no room: its blocks are found all the same, by their headers.
// expect: {"rule": "never-released", "count": 3, "bytes": 72, "family": "heap", "stack": []}
// totals: {"heap": {"unpaired": 15, "unpaired_bytes": 303}}
#include "board.h"

#include <stdlib.h>

static void *(*volatile plain)(size_t) = malloc;

FRAME static void leak_first(void) { plain(11); /* blame:first */ }
FRAME static void leak_1(void) { plain(21); }
FRAME static void leak_2(void) { plain(22); }
FRAME static void leak_3(void) { plain(23); }
FRAME static void leak_4(void) { plain(24); }

int main(void)
{
    int i;
    for (i = 0; i < 3; i++) {
        leak_first();
        leak_1();
        leak_2();
        leak_3();
        leak_4();
    }
    board_die();
}
