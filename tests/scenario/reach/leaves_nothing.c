// scenario: what runs after the search finds descriptors, limits, locked memory and errno as they were
// plugin: leaves_nothing_plugin.c
// link: -rdynamic
// before: leaves_nothing_plugin
// status: 5
// expect: {"severity": "leak", "count": 3, "reachability": "lost", "blame": "lose:lost"}
// expect: {"family": "file", "function": "open"}
// expect: {"family": "file", "function": "fcntl"}
#include "must.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    struct rlimit limit = {32, 64};
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    MUST(fcntl(open("/dev/null", O_RDONLY), F_DUPFD, 20) == 20);
    MUST(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
    for (int i = 0; i < 3; i++)
        lose();
    errno = 77;
    return 5;
}
