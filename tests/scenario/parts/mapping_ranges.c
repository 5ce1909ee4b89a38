// scenario: unmapping the middle of a mapping leaves the rest, and one munmap may end several
// expect: {"rule": "never-released", "family": "mapping", "function": "mmap", "severity": "leak", "bytes": 24576, "blame": "map:map"}
#define _GNU_SOURCE
#include "must.h"

#include <stdint.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

FRAME static char *map(char *where, size_t pages)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0);
    char *address = mmap(where, pages * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0); /* blame:map */
    MUST(address != MAP_FAILED);
    return address;
}

int main(void)
{
    char *whole = map(NULL, 10);
    MUST(munmap(whole + 3 * PAGE, 4 * PAGE) == 0); /* 3 and 3 are left */
    char *first = map(NULL, 8);
    MUST(munmap(first, 8 * PAGE) == 0);
    map(first, 4); /* two that lie side by side */
    map(first + 4 * PAGE, 4);
    MUST(munmap(first, 8 * PAGE) == 0);
    char *moved = map(NULL, 2);
    moved = mremap(moved, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
    MUST(moved != MAP_FAILED && munmap(moved, 6 * PAGE) == 0);
    return 0;
}
