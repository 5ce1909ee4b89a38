// scenario: address space that was only reserved is not called lost where addresses in it are computed
// expect: {"family": "mapping", "severity": "suspect", "count": 2, "reachability": "possibly", "blame": "reserve:cage",
//   "bytes": 201322496, "remarks": ["~only reserved .PROT_NONE.*does not say it is lost"]}
// note: {"family": "mapping", "count": 1, "reachability": "possibly", "blame": "commit:page",
//   "remarks": ["~only reserved"]}
// expect: {"family": "mapping", "severity": "leak", "count": 1, "reachability": "lost", "blame": "lose:lost"}
// note: {"family": "heap", "reachability": "possibly", "blame": "fill:inner"}
#include "must.h"

#include <stdint.h>
#include <sys/mman.h>

enum { part = 64 << 20, page = 4096 };
static uint32_t g_cage; /* the base without its zeros, as an engine for scripts may keep it */

/* Far from where libraries are: what the loader mapped for a moment at the start lay there, and its addresses may still
 * stand somewhere, and would hold a mapping that comes to lie at one of them. (Likely why this failed once in 2,000.) */
#define FAR(i) ((void *)(0x123400000000 + (i)*0x1000000000))

static char *base(void) { return (char *)((uintptr_t)g_cage << 16); }

FRAME static void reserve(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    char *cage = mmap(FAR(0), 4ul * part, PROT_NONE, flags, -1, 0); /* blame:cage */
    MUST(cage != MAP_FAILED && munmap(cage, part) == 0);
    g_cage = (uint32_t)((uintptr_t)(cage + part + 0xffff) >> 16);
}

/* Takes the place of a page of the reservation, which is two then. */
FRAME static char *commit(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    char *at = base() + part;
    at = mmap(at, page, PROT_READ | PROT_WRITE, flags, -1, 0); /* blame:page */
    MUST(at != MAP_FAILED);
    return at;
}

FRAME static void fill(char **place)
{
    *place = malloc(60); /* blame:inner */
    MUST(*place != NULL);
}

FRAME static void lose(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *lost = mmap(FAR(1), part, PROT_READ | PROT_WRITE, flags, -1, 0); /* blame:lost */
    MUST(lost != MAP_FAILED);
}

FRAME static void sweep(void)
{
    volatile char ground[4096];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

int main(void)
{
    reserve();
    fill((char **)commit());
    lose();
    sweep();
    return 0;
}
