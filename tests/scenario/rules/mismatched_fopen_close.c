// scenario: a stream whose descriptor is closed under it is reported as mismatched
// expect: {"rule": "mismatched-release", "family": "stream", "function": "fopen", "count": 1, "blame": "open_log:open",
//          "ended_by": {"function": "close", "stack": ["close_log:close"]}}
// expect: {"rule": "never-released", "family": "stream", "function": "fopen", "count": 1, "blame": "open_log:open"}
#include "must.h"

#include <unistd.h>

FRAME static FILE *open_log(void)
{
    FILE *log = fopen("/dev/null", "w"); /* blame:open */
    MUST(log);
    return log;
}

FRAME static void close_log(FILE *log) { MUST(close(fileno(log)) == 0); /* blame:close */ }

int main(void)
{
    close_log(open_log());
    return 0;
}
