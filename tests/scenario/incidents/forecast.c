// scenario: what grows is told the cycle in which it will meet its limit
// expect: {"rule": "never-released", "severity": "leak", "family": "socket", "count": 20, "blame": "connect_once:socket",
//          "forecast": {"limit_name": "~^(RLIMIT_NOFILE|FD_SETSIZE)$", "reached": false, "at_cycle": ">20",
//                       "at_acquisition": ">20"}}
// text: will be reached in cycle
#include "must.h"
#include "unpaired/unpaired.h"

#include <sys/socket.h>

FRAME static void connect_once(void) { MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0); /* blame:socket */ }

int main(void)
{
    int i;
    for (i = 0; i < 20; i++) {
        unpaired_mark("connect");
        connect_once();
    }
    return 0;
}
