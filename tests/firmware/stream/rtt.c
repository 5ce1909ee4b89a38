// firmware: the stream lies in RAM as SEGGER's RTT has it, and a full buffer loses nothing that the ring can keep
// config: RING=64 SEND_AT_ONCE=1
// sink: rtt
// build: -DUNPAIRED_RTT_BUFFER=640
// dies:
// report:
// trace: {"source": "wrap", "cycles": 4, "events_lost": 0}
// expect: {"rule": "never-released", "severity": "leak", "count": 4, "bytes": 48, "blame": "lose:lost"}
#include "board.h"
#include "unpaired/port.h"
#include "unpaired/unpaired.h"

#include <stdlib.h>
#include <string.h>

/* What a debug probe knows of the control block, and does with it: SEGGER's RTT documentation. */
extern struct {
    char identifier[16];
    int up_channels, down_channels;
    const char *name;
    const unsigned char *buffer;
    unsigned size;
    volatile unsigned write, read, flags;
} unpaired_rtt;

static void probe_fetches(void)
{
    MUST(memcmp(unpaired_rtt.identifier, "SEGGER RTT\0\0\0\0\0", 16) == 0 && unpaired_rtt.up_channels == 1);
    while (unpaired_rtt.read != unpaired_rtt.write) {
        board_put_byte(unpaired_rtt.buffer[unpaired_rtt.read]);
        unpaired_rtt.read = (unpaired_rtt.read + 1) % unpaired_rtt.size;
    }
}

static void *(*volatile plain)(size_t) = malloc;
FRAME static void lose(void) { plain(12); /* blame:lost */ }

int main(void)
{
    int i;
    for (i = 0; i < 4; i++) {
        unpaired_mark(NULL);
        free(plain(30));
        lose();
        free(plain(31));
        free(plain(32));
    }
    /* what found no room in the buffer waits in the ring until the probe has read */
    do
        probe_fetches();
    while (unpaired_poll() > 0);
    probe_fetches();
    board_die();
}
