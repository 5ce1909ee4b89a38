// scenario: what only a pointer into its middle points to is possibly lost, and two of a kind are suspect
// expect: {"rule": "never-released", "severity": "suspect", "count": 2, "reachability": "possibly",
//   "blame": "buffer:buffer", "reached": {"possibly": {"count": 2, "bytes": 400}},
//   "held_by": "~pointed into by g_cursor( \\+ 8)? of interior_pointer"}
// note: {"blame": "counted:header", "reachability": "reachable"}
#include "must.h"

char *g_cursor[2];
long *g_numbers;

FRAME static void buffer(int which)
{
    char *start = malloc(200); /* blame:buffer */
    MUST(start != NULL);
    g_cursor[which] = start + 100;
}

/* A wrapper puts the count before what it hands out. */
FRAME static void counted(void)
{
    long *start = malloc(10 * sizeof *start); /* blame:header */
    MUST(start != NULL);
    start[0] = 9;
    g_numbers = start + 1;
}

int main(void)
{
    buffer(0);
    buffer(1);
    counted();
    return 0;
}
