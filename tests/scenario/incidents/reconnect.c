// scenario: a reconnect that leaves a socket and two blocks is one incident, told in one sentence in the first lines
// expect: {"rule": "never-released", "severity": "leak", "family": "socket", "count": 38, "per_cycle": 1, "incident": 1,
//          "blame": "connect_once:socket"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 38, "bytes": 760, "incident": 1,
//          "blame": "subscribe:topic"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 38, "bytes": 760, "incident": 1,
//          "blame": "subscribe:filter"}
// incident: {"id": 1, "cycles": 38, "per_cycle": "1 socket, 2 heap blocks (40 B)",
//            "sentence": "~^each of 38 (reconnects|cycles) leaves 1 socket and 2 heap blocks \\(40 B\\), owner MQTT$",
//            "findings": ["~^[0-9a-f]{16}$", "~^[0-9a-f]{16}$", "~^[0-9a-f]{16}$"]}
// text: leaves 1 socket and 2 heap blocks (40 B), owner MQTT (numbers 1, 2 and 3).
#include "must.h"
#include "unpaired/unpaired.h"

#include <sys/socket.h>
#include <unistd.h>

FRAME static void subscribe(void)
{
    void *topic = malloc(20);  /* blame:topic */
    void *filter = malloc(20); /* blame:filter */
    MUST(topic && filter);
}

FRAME static void connect_once(void)
{
    void *request = malloc(100);
    MUST(request);
    MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0); /* blame:socket */
    subscribe();
    free(request);
}

int main(void)
{
    UNPAIRED_OWNER_SCOPE("MQTT");
    int i;
    for (i = 0; i < 38; i++) {
        unpaired_mark("reconnect");
        connect_once();
    }
    return 0;
}
