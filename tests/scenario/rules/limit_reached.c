// scenario: running out of descriptors is reported with the limit
// expect: {"rule": "limit-reached", "family": "file", "function": "open", "blame": "open_one:open",
//          "forecast": {"limit": 32, "limit_name": "RLIMIT_NOFILE", "reached": true}}
#include "must.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

FRAME static int open_one(void)
{
    int fd = open("/dev/null", O_RDONLY); /* blame:open */
    return fd;
}

int main(void)
{
    struct rlimit limit = {32, 32};
    int fds[64], n = 0;
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while ((fds[n] = open_one()) >= 0)
        n++;
    MUST(errno == EMFILE && n == 29);
    while (n > 0)
        close(fds[--n]);
    return 0;
}
