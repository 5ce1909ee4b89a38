// firmware: without its tables a dead device's blocks are found by their headers alone, and the report says so
// config: FRAMES=8
// dies:
// postmortem: --all
// totals: {"heap": {"unpaired": 6, "unpaired_bytes": 303}}
// expect: {"rule": "never-released", "family": "heap", "owner": "MQTT", "count": 3, "bytes": 153, "reachability": "lost"}
// expect: {"rule": "never-released", "family": "heap", "owner": "HTTP", "count": 3, "bytes": 150, "reachability": "lost"}
// remark: found by their headers alone
#include "board.h"
#include "unpaired/unpaired.h"

#include <stdlib.h>
#include <string.h>

static void *(*volatile plain)(size_t) = malloc;
extern char unpaired_ram[64]; /* as much of it as matters */

int main(void)
{
    unsigned i;
    for (i = 0; i < 6; i++) {
        UNPAIRED_OWNER_SCOPE(i % 2 ? "MQTT" : "HTTP");
        plain(48 + i);
        free(plain(70));
    }
    memset(unpaired_ram, 0, sizeof unpaired_ram); /* something ran over it */
    board_die();
}
