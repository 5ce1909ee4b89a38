// scenario: a block freed twice is reported with both stacks, though glibc aborts the program
// status: 134
// image: {"end": "signal:6"}
// expect: {"rule": "double-release", "severity": "leak", "family": "heap", "function": "malloc", "count": 1,
//          "failed_release": {"function": "free", "stack": ["clean_up:second", "main"]},
//          "ended_by": {"function": "free", "stack": ["hang_up:first", "main"]}}
#include "must.h"

FRAME static void hang_up(void *session) { free(session); /* blame:first */ }

FRAME static void clean_up(void *session) { free(session); /* blame:second */ }

int main(void)
{
    void *volatile session = malloc(40);
    hang_up(session);
    clean_up(session);
    puts("not reached");
    return 0;
}
