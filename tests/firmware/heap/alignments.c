// firmware: aligned blocks are aligned, keep their contents over realloc, and are released
// libc: nano newlib
// config: RING=64 SEND_AT_ONCE=1 SITES=32
// report:
// trace: {"events_lost": 0}
// totals: {"heap": {"unpaired": 0}}
#include "board.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The compiler must not know what these give. */
static void *(*volatile aligned)(size_t, size_t) = memalign;
static void *(*volatile plain)(size_t) = malloc;
static void *(*volatile cleared)(size_t, size_t) = calloc;
static void *(*volatile resized)(void *, size_t) = realloc;

static int filled_with(const unsigned char *p, int value, size_t size)
{
    while (size--)
        if (*p++ != value)
            return 0;
    return 1;
}

int main(void)
{
    size_t alignment, size;
    unsigned char *p, *q, *r;
    for (alignment = 8; alignment <= 256; alignment *= 2)
        for (size = 1; size < 400; size = size * 3 + 1) {
            p = aligned(alignment, size);
            q = plain(size);
            MUST(p && q && (uintptr_t)p % alignment == 0 && (uintptr_t)q % 8 == 0);
            memset(p, 0x55, size);
            memset(q, 0xaa, size);
            r = resized(p, size * 2);
            MUST(r && filled_with(r, 0x55, size) && filled_with(q, 0xaa, size));
            memset(r, 0x66, size * 2);
            p = resized(r, size);
            MUST(p && filled_with(p, 0x66, size) && filled_with(q, 0xaa, size));
            free(q);
            free(p);
        }
    p = cleared(7, 9);
    MUST(p && filled_with(p, 0, 63));
    free(p);
    free(NULL);
    MUST(plain((size_t)-1) == NULL && plain((size_t)-17) == NULL && cleared((size_t)-1 / 4, 8) == NULL);
    return 0;
}
