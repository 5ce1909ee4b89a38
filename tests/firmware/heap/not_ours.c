// firmware: blocks that other allocators gave are passed through untouched, and the first one of RAM is not read before
// config: RING=64 SEND_AT_ONCE=1
// with: ../../wraplib/ports/bare_metal/port.c
// build: -DUNPAIRED_BARE_METAL_RAM=0x20000000u -DUNPAIRED_BARE_METAL_RAM_END=0x20400000u
// escapes: main
// report:
// totals: {"heap": {"acquired": 1, "released": 1, "unpaired": 0}}
#include "board.h"
#include "unpaired/owner_tag.h"

#include <reent.h>
#include <stdlib.h>
#include <string.h>

/* The functions behind the hooks: what a library linked with -r, or code from before, has called. */
void *__real__malloc_r(struct _reent *reent, size_t size);
void __real__free_r(struct _reent *reent, void *block);
void __wrap__free_r(struct _reent *reent, void *block);

static void *(*volatile plain)(size_t) = malloc;

/* How often each of 32 places lies 16 bytes behind the other: malloc is used again as if nothing were recorded. */
int main(void)
{
    char *first = __real__malloc_r(_REENT, 40), *second, *third;
    memset(first, 0x11, 40);
    free(first); /* untagged, through the hook */
    second = __real__malloc_r(_REENT, 40);
    MUST(second == first); /* it reached the allocator */
    third = plain(40);
    MUST(third);
    memset(second, 0x22, 40);
    free(third);
    __real__free_r(_REENT, second);
    return 0;
}
