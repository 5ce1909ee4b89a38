// scenario: a forked worker that began late and ended early has the cycles of its own life
// run: --cycle=accept4
// image: {"end": "exit", "cycles": 30}
// image: {"end": "exit", "cycles": 10}
// expect: {"severity": "leak", "family": "heap", "count": 10, "growth": "linear", "per_cycle": 1, "blame": "serve:leak"}
#define _GNU_SOURCE
#include "must.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile last;

FRAME static void serve(int listener, const struct sockaddr_in *at, int leak)
{
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(client, (const struct sockaddr *)at, sizeof *at) == 0);
    const int served = accept4(listener, NULL, NULL, 0);
    MUST(served >= 0);
    if (leak)
        last = malloc(30); /* blame:leak */
    MUST(close(served) == 0);
    MUST(close(client) == 0);
}

int main(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof at;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(bind(listener, (struct sockaddr *)&at, sizeof at) == 0);
    MUST(listen(listener, 5) == 0);
    MUST(getsockname(listener, (struct sockaddr *)&at, &length) == 0);
    for (int i = 0; i < 10; i++)
        serve(listener, &at, 0);
    const pid_t worker = fork();
    if (worker == 0) {
        for (int i = 0; i < 10; i++)
            serve(listener, &at, 1);
        MUST(close(listener) == 0);
        return 0;
    }
    int status;
    MUST(waitpid(worker, &status, 0) == worker && status == 0);
    for (int i = 0; i < 10; i++)
        serve(listener, &at, 0);
    MUST(close(listener) == 0);
    return 0;
}
