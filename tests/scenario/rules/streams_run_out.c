// scenario: streams that cannot be opened for want of descriptors are told with the limit of descriptors
// expect: {"rule": "never-released", "family": "stream", "function": "fopen", "count": 29, "blame": "open_one:open",
//          "forecast": {"limit": 32, "limit_name": "RLIMIT_NOFILE", "reached": true, "failed": "fopen", "errno": 24,
//                       "failed_at": 30}}
// text: the 30th fopen failed (EMFILE)
#include "must.h"

#include <sys/resource.h>

FRAME static FILE *open_one(void)
{
    FILE *stream = fopen("/dev/null", "r"); /* blame:open */
    return stream;
}

int main(void)
{
    struct rlimit limit = {32, 32};
    int n = 0;
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (open_one())
        n++;
    MUST(errno == EMFILE && n == 29);
    return 0;
}
