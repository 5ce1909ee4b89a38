// scenario: calls of a releaser begin cycles too, but not those that fail
// run: --cycle=close
// image: {"cycles": 12, "cycle_source": "function", "cycle_name": "close"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 12, "growth": "linear",
//          "per_cycle": 1, "blame": "main:leak"}
#include "must.h"

#include <sys/socket.h>
#include <unistd.h>

static void *volatile last;

int main(void)
{
    for (int cycle = 0; cycle < 12; cycle++) {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        MUST(fd >= 0);
        MUST(close(fd) == 0);
        MUST(close(-1) != 0);
        last = malloc(20); /* blame:leak */
    }
    return 0;
}
