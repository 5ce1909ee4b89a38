// firmware: a RISC-V image with picolibc tells its leak through the stream, and in its RAM
// board: riscv
// libc: picolibc
// config: RING=64 SEND_AT_ONCE=1
// dies:
// report:
// trace: {"source": "wrap", "cycles": 5, "events_lost": 0}
// totals: {"heap": {"acquired": 25, "released": 20, "released_unseen": 0}}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 5, "bytes": 200,
//          "owner": "CLI", "blame": "read_command:lost", "stack": ["read_command", "serve", "main"]}
// postmortem:
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 5, "bytes": 200,
//          "owner": "CLI", "blame": "read_command:lost", "stack": ["read_command", "serve", "main"]}
#include "board.h"
#include "unpaired/unpaired.h"

#include <stdlib.h>
#include <string.h>

static void *volatile last;

FRAME static void read_command(void)
{
    UNPAIRED_OWNER_SCOPE("CLI");
    char *line = malloc(80);
    last = malloc(40); /* blame:lost */
    free(line);
    free(strdup("a copy that picolibc makes within itself"));
}
FRAME static void serve(void)
{
    void *p = calloc(3, 5);
    read_command();
    p = realloc(p, 60);
    free(p);
}

int main(void)
{
    int i;
    for (i = 0; i < 5; i++) {
        unpaired_mark(NULL);
        serve();
    }
    last = NULL;
    board_die();
}
