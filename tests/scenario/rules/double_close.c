// scenario: a descriptor closed twice is reported with both closes
// expect: {"rule": "double-release", "severity": "leak", "family": "file", "function": "open", "count": 1,
//          "failed_release": {"function": "close", "result": -1, "errno": 9, "stack": ["shut_again:second"]},
//          "ended_by": {"function": "close", "stack": ["shut:first"]}}
#include "must.h"

#include <fcntl.h>
#include <unistd.h>

FRAME static int shut(int fd) { return close(fd) + 0; /* blame:first */ }

FRAME static int shut_again(int fd) { return close(fd) + 0; /* blame:second */ }

int main(void)
{
    int fd = open("/dev/null", O_RDONLY);
    MUST(fd >= 0 && shut(fd) == 0);
    MUST(shut_again(fd) == -1 && errno == EBADF);
    return 0;
}
