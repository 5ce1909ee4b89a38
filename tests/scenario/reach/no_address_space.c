// scenario: where there is no memory for the search, the program ends as it would, and the report says why
// expect: {"severity": "suspect", "count": 3, "reachability": "unknown", "blame": "lose:lost"}
// remark: who still holds .* is not known \(there is no memory for it\)
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
    struct rlimit limit = {1 << 20, RLIM_INFINITY}; /* less than it has already */
    for (int i = 0; i < 3; i++)
        lose();
    MUST(setrlimit(RLIMIT_AS, &limit) == 0);
    return 0;
}
