// scenario: a forked child leaks what it acquired itself, and what it inherited stays its parent's
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "socket", "count": 1, "acquired": 2, "blame": "in_parent:parent"}
// totals: {"socket": {"acquired": 2, "released": 1, "unpaired": 1}}
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "socket", "count": 3, "acquired": 3, "blame": "in_child:child"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 4, "bytes": 400, "acquired": 4,
//          "blame": "blocks_of_child:block"}
// totals: {"socket": {"acquired": 3, "released": 0, "unpaired": 3}}
#include "must.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

FRAME static int in_parent(void) { return socket(AF_INET, SOCK_STREAM, 0) + 0; /* blame:parent */ }

FRAME static int in_child(void) { return socket(AF_INET, SOCK_STREAM, 0) + 0; /* blame:child */ }

FRAME static void blocks_of_child(void) { MUST(malloc(100)); /* blame:block */ }

int main(void)
{
    int fds[2], i, status;
    for (i = 0; i < 2; i++)
        fds[i] = in_parent();
    void *inherited = malloc(50);
    pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        MUST(close(fds[0]) == 0); /* inherited: silent here, and no change to the parent's record */
        MUST(close(fds[1]) == 0);
        free(inherited);
        for (i = 0; i < 3; i++)
            MUST(in_child() >= 0);
        for (i = 0; i < 4; i++)
            blocks_of_child();
        return 0;
    }
    MUST(waitpid(child, &status, 0) == child && status == 0);
    free(inherited);
    MUST(close(fds[1]) == 0);
    return 0;
}
