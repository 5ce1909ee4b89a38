// firmware: what newlib's strdup and asprintf allocate within themselves is seen, so that its free is no riddle
// libc: nano newlib
// config: RING=64 SEND_AT_ONCE=1 FRAMES=24
// build: -D_GNU_SOURCE
// report:
// trace: {"events_lost": 0}
// expect: {"rule": "never-released", "severity": "leak", "count": 4, "blame": "name_session:lost",
//          "stack": ["name_session", "main"]}
// totals: {"heap": {"unpaired": 4, "released_unseen": 0}}
#include "board.h"
#include "unpaired/unpaired.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *volatile last;

FRAME static void name_session(int number)
{
    char *name;
    MUST(asprintf(&name, "session %d of a device with a long name", number) > 0); /* blame:lost */
    last = strdup(name);
    MUST(strcmp(last, name) == 0);
    free(last);
}

int main(void)
{
    int i;
    for (i = 0; i < 4; i++) {
        unpaired_mark(NULL);
        name_session(i);
    }
    return 0;
}
