// scenario: blocks held from memory that the program mapped are reachable while the mapping is, and lost with it
// expect: {"rule": "never-released", "severity": "leak", "family": "mapping", "count": 1, "reachability": "lost",
//   "blame": "lose_arena:arena"}
// note: {"family": "heap", "count": 1, "reachability": "lost", "blame": "fill:inner",
//   "reached": {"indirectly_lost": {"count": 1}}}
// note: {"family": "mapping", "blame": "keep_arena:kept", "reachability": "reachable"}
// note: {"family": "heap", "blame": "fill_kept:inner_kept", "reachability": "reachable"}
#include "must.h"
#include <sys/mman.h>

enum { size = 1 << 20 };
char *g_piece; /* from the middle of the arena: so allocators have them */

FRAME static void fill(char **place)
{
    *place = malloc(60); /* blame:inner */
    MUST(*place != NULL);
}

FRAME static void fill_kept(char **place)
{
    *place = malloc(61); /* blame:inner_kept */
    MUST(*place != NULL);
}

FRAME static void lose_arena(void)
{
    char *arena =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* blame:arena */
    MUST(arena != MAP_FAILED);
    fill((char **)(arena + 5000));
}

FRAME static void keep_arena(void)
{
    char *arena =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* blame:kept */
    MUST(arena != MAP_FAILED);
    g_piece = arena + 70000;
    fill_kept((char **)(arena + 900000));
}

FRAME static void sweep(void)
{
    volatile char ground[4096];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

int main(void)
{
    lose_arena();
    keep_arena();
    sweep();
    return 0;
}
