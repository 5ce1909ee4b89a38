// scenario: the twin of a leaking socket that is closed each time is named
// expect: {"rule": "never-released", "severity": "leak", "family": "socket", "count": 12, "blame": "create_pipe:in",
//          "sibling": {"function": "socket", "blame": "create_pipe:out", "acquired": 12, "released": 12}}
// text: The twin socket at twin_sockets.c:{out} is closed: 12 of 12.
#include "must.h"
#include "unpaired/unpaired.h"

#include <sys/socket.h>
#include <unistd.h>

static int ends[2];

FRAME static void create_pipe(void)
{
    ends[0] = socket(AF_INET, SOCK_DGRAM, 0); /* blame:out */
    ends[1] = socket(AF_INET, SOCK_DGRAM, 0); /* blame:in */
    MUST(ends[0] >= 0 && ends[1] >= 0);
}

FRAME static void destroy_pipe(void)
{
    ends[1] = -1; /* the fault */
    close(ends[0]);
    if (ends[1] != -1)
        close(ends[1]);
}

int main(void)
{
    int i;
    for (i = 0; i < 12; i++) {
        unpaired_mark("context");
        create_pipe();
        destroy_pipe();
    }
    return 0;
}
