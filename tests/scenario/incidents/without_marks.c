// scenario: without marks, what one function leaves together is one incident, and what main does beside it is not part of it
// expect: {"rule": "never-released", "family": "socket", "count": 20, "incident": 1, "blame": "open_link:socket"}
// expect: {"rule": "never-released", "family": "heap", "count": 40, "bytes": 800, "incident": 1, "blame": "subscribe:topic"}
// expect: {"rule": "never-released", "family": "heap", "count": 7, "incident": null, "blame": "log_line:line"}
// image: {"cycles": 20, "cycle_source": "found"}
// incident: {"sentence": "~^each of 20 calls of socket leaves 1 socket and 2 heap blocks \\(40 B\\)", "cycles": 20}
// text: 1 socket and 2 heap blocks (40 B)
#include "must.h"

#include <sys/socket.h>
#include <unistd.h>

FRAME static int open_link(void) { return socket(AF_INET, SOCK_STREAM, 0) + 0; /* blame:socket */ }

FRAME static void subscribe(void)
{
    int i;
    for (i = 0; i < 2; i++)
        MUST(malloc(20)); /* blame:topic */
}

FRAME static void log_line(void) { MUST(malloc(64)); /* blame:line */ }

FRAME static void connect_once(void)
{
    MUST(open_link() >= 0);
    subscribe();
}

int main(void)
{
    int i;
    for (i = 0; i < 20; i++) {
        connect_once();
        if (i % 3 == 0)
            log_line();
    }
    return 0;
}
