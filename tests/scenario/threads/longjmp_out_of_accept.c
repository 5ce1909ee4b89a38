// scenario: a handler that jumps out of accept leaves recording as it was
// expect: {"rule": "never-released", "family": "eventfd", "count": 2, "acquired": 2, "blame": "after_jump:after"}
#include "must.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static sigjmp_buf back;

static void handler(int signal) { siglongjmp(back, signal); }

FRAME static void after_jump(void) { MUST(eventfd(0, 0) >= 0); /* blame:after */ }

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sigaction action = {.sa_handler = handler};
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    volatile int jumps = 0;
    MUST(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    MUST(sigaction(SIGALRM, &action, NULL) == 0);
    if (sigsetjmp(back, 1) == 0)
        MUST(setitimer(ITIMER_REAL, &often, NULL) == 0);
    else
        jumps = jumps + 1;
    if (jumps < 3) {
        accept(listener, NULL, NULL);
        return 98;
    }
    MUST(setitimer(ITIMER_REAL, &never, NULL) == 0);
    for (jumps = 0; jumps < 2; jumps++)
        after_jump();
    close(listener);
    return 0;
}
