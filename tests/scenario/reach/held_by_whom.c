// scenario: memory that something still holds is a note that says what; memory that nothing holds is a leak
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 3, "reachability": "lost",
//   "blame": "lose:lost", "reached": {"lost": {"count": 3, "bytes": 300}}}
// note: {"blame": "hold:global", "reachability": "reachable", "held_by": "held by g_settings of held_by_whom"}
// note: {"blame": "hold:array", "reachability": "reachable", "held_by": "held by g_table + 24 of held_by_whom"}
// note: {"blame": "hold:thread_local", "reachability": "reachable"}
// note: {"blame": "hold:block", "reachability": "reachable",
//   "held_by": "~held by another block of .* \\(malloc in hold, held_by_whom.c:\\d+\\), in the end by g_settings of held_by_whom"}
// note: {"blame": "keep_on_stack:stack", "reachability": "reachable", "held_by": "~held by the stack of thread \\d+"}
#include "must.h"

char *g_settings;
char *g_table[8];
static _Thread_local char *volatile thread_settings;

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    memset(block, 'x', 100);
}

FRAME static void hold(void)
{
    g_settings = malloc(64);      /* blame:global */
    g_table[3] = malloc(10);      /* blame:array */
    thread_settings = malloc(11); /* blame:thread_local */
    char *inner = malloc(12);     /* blame:block */
    MUST(g_settings != NULL && g_table[3] != NULL && thread_settings != NULL && inner != NULL);
    *(char **)(g_settings + 32) = inner;
}

/* exit() is called from here: the frame is still there. */
FRAME static void keep_on_stack(void)
{
    char *volatile kept = malloc(13); /* blame:stack */
    MUST(kept != NULL);
    exit(0);
}

int main(void)
{
    for (int i = 0; i < 3; i++)
        lose();
    hold();
    keep_on_stack();
}
