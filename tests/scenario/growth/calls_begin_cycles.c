// scenario: with --cycle each call of a function begins a cycle, and the program's own marks begin none
// run: --cycle=socket
// image: {"cycles": 20, "cycle_source": "function", "cycle_name": "socket"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 40, "growth": "linear",
//          "per_cycle": 2, "blame": "subscribe:leak"}
#include "must.h"
#include "unpaired/unpaired.h"

#include <sys/socket.h>
#include <unistd.h>

static void *volatile last;

FRAME static int connect_once(void) { return socket(AF_INET, SOCK_STREAM, 0) + 0; }

FRAME static void subscribe(void)
{
    for (int i = 0; i < 2; i++)
        last = malloc(20); /* blame:leak */
}

int main(void)
{
    for (int cycle = 0; cycle < 20; cycle++) {
        const int fd = connect_once();
        MUST(fd >= 0);
        subscribe();
        unpaired_mark("published");
        MUST(close(fd) == 0);
    }
    return 0;
}
