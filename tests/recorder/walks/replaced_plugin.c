/* Built twice with frames of different sizes: each lies where the other did when it is loaded after it, and returns to
 * the same addresses. */
#include <stdlib.h>

void through_library(int depth, void (*callback)(void));

static void *volatile kept;
__attribute__((constructor)) static void begin(void)
{
    kept = malloc(10);
    free(kept);
}

void through_library(int depth, void (*callback)(void))
{
    volatile char room[ROOM];
    room[0] = (char)depth;
    if (depth > 0)
        through_library(depth - 1, callback);
    else
        callback();
    room[1] = 0;
}
