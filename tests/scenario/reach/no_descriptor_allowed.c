// scenario: where a program has forbidden itself any descriptor, memory is not looked at, and the report says why
// expect: {"family": "heap", "severity": "suspect", "count": 3, "reachability": "unknown", "blame": "lose:lost"}
// remark: who still holds .* is not known \(/proc/self/maps cannot be opened\)
#include "must.h"
#include <sys/resource.h>

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    struct rlimit limit = {0, 0}; /* as sandboxes do */
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (int i = 0; i < 3; i++)
        lose();
    return 0;
}
