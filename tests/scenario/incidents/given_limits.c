// scenario: limits that the user gives are met by what was live, and forecast by number and by size
// run: --limit socket=8 --limit heap=64K
// expect: {"rule": "never-released", "severity": "leak", "family": "socket", "count": 10, "blame": "connect_once:socket",
//          "forecast": {"limit_name": "--limit socket=8", "limit": 8, "reached": true, "at_cycle": 8, "at_acquisition": 8}}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 10, "bytes": 10000, "blame": "connect_once:block",
//          "forecast": {"limit_name": "--limit heap=64K", "limit": 65536, "reached": false,
//                       "at_cycle": ">60"}}
// text: --limit socket=8 was reached in cycle 8
// text: --limit heap=64K will be reached in cycle
#include "must.h"
#include "unpaired/unpaired.h"

#include <sys/socket.h>

FRAME static void connect_once(void)
{
    MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0); /* blame:socket */
    MUST(malloc(1000));                         /* blame:block */
}

int main(void)
{
    int i;
    for (i = 0; i < 10; i++) {
        unpaired_mark("connect");
        connect_once();
    }
    return 0;
}
