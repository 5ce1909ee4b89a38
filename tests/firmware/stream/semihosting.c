// firmware: the stream comes out through semihosting, into a file on the debugger's side
// config: RING=16 SEND_AT_ONCE=1
// sink: semihosting
// report:
// trace: {"source": "wrap", "cycles": 4, "events_lost": 0}
// expect: {"rule": "never-released", "severity": "leak", "count": 4, "bytes": 48, "blame": "lose:lost"}
#include "board.h"
#include "unpaired/unpaired.h"

#include <stdlib.h>

static void *(*volatile plain)(size_t) = malloc;
FRAME static void lose(void) { plain(12); /* blame:lost */ }

int main(void)
{
    int i;
    for (i = 0; i < 4; i++) {
        unpaired_mark(NULL);
        free(plain(30));
        lose();
    }
    return 0;
}
