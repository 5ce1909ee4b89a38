// scenario: a limit that the program lowered itself is the one that is forecast
// expect: {"rule": "never-released", "family": "socket", "count": 20, "blame": "connect_once:socket",
//          "forecast": {"limit": 64, "limit_name": "RLIMIT_NOFILE", "reached": false, "at_cycle": ">20"}}
#include "must.h"
#include "unpaired/unpaired.h"

#include <sys/resource.h>
#include <sys/socket.h>

FRAME static void connect_once(void) { MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0); /* blame:socket */ }

int main(void)
{
    struct rlimit files;
    int i;
    MUST(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = 64;
    MUST(setrlimit(RLIMIT_NOFILE, &files) == 0);
    for (i = 0; i < 20; i++) {
        unpaired_mark("connect");
        connect_once();
    }
    return 0;
}
