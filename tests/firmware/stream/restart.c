// firmware: a device that restarts on the same line, its old tables in RAM, is reported run by run
// config: RING=64 SEND_AT_ONCE=1
// build: -include noinit.h
// runs: 2
// output: boot 1
// output: boot 2
// report:
// trace: {"cycles": 4}
// expect: {"rule": "never-released", "severity": "leak", "count": 4, "bytes": 40, "blame": "lose:lost"}
#include "board.h"
#include "unpaired/port.h"
#include "unpaired/unpaired.h"

#include <stdlib.h>

static void *(*volatile plain)(size_t) = malloc;
static __attribute__((section(".noinit"))) uint32_t boots, is_warm;

FRAME static void lose(void) { plain(10); /* blame:lost */ }

int main(void)
{
    int i;
    boots = is_warm == 0x600d600du ? boots + 1 : 1;
    is_warm = 0x600d600du;
    board_tell("boot", boots);
    unpaired_init(); /* the tables survived as well */
    for (i = 0; i < 4; i++) {
        unpaired_mark(NULL);
        lose();
    }
    if (boots == 1) /* AIRCR.SYSRESETREQ, ARMv7-M B3.2.6 */
        *(volatile uint32_t *)0xe000ed0cu = 0x05fa0004u;
    for (i = 0; boots == 1; i++) {
    }
    return 0;
}
