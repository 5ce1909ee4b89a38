// scenario: where not even one more descriptor may be had, memory is not looked at, and the report says why
// expect: {"family": "heap", "severity": "suspect", "count": 3, "reachability": "unknown", "blame": "lose:lost"}
// expect: {"family": "file", "severity": "suspect", "rule": "never-released", "forecast": {"reached": true}}
// remark: who still holds .* is not known \(/proc/self/maps cannot be opened\)
#include "must.h"
#include <fcntl.h>
#include <sys/resource.h>

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    struct rlimit limit = {64, 64};
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    MUST(errno == EMFILE);
    for (int i = 0; i < 3; i++)
        lose();
    return 0;
}
