// firmware: events that a full ring could not keep are counted, and the report says how many are missing
// config: RING=16
// output: sent some
// report:
// trace: {"events_lost": 84}
#include "board.h"
#include "unpaired/port.h"

#include <stdlib.h>

static void *(*volatile plain)(size_t) = malloc;

int main(void)
{
    int i;
    for (i = 0; i < 50; i++)
        free(plain(16)); /* 100 events, of which 16 wait */
    MUST(unpaired_poll() > 0);
    while (unpaired_poll() > 0) {
    }
    board_say("sent some");
    free(plain(16)); /* these two are seen again */
    while (unpaired_poll() > 0) {
    }
    return 0;
}
