// scenario: without marks the call whose repetition divides the run is found, and the report says which it is
// image: {"cycles": 38, "cycle_source": "found", "cycle_name": "socket"}
// expect: {"severity": "leak", "family": "heap", "count": 76, "growth": "linear", "per_cycle": 2, "blame": "subscribe:leak"}
// remark: ^cycles: 38 calls of socket in connect_once, found_in_a_client\.c:[0-9]+ \(found by their number
#include "must.h"

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
    for (int cycle = 0; cycle < 38; cycle++) {
        const int fd = connect_once();
        void *volatile packet = malloc(100);
        MUST(fd >= 0 && packet);
        subscribe();
        free(packet);
        MUST(close(fd) == 0);
    }
    return 0;
}
