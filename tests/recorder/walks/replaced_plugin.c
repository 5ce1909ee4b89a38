/* Built twice with frames of different sizes: each lies where the other did when it is loaded after it, and returns to
 * the same addresses; ELSEWHERE to others. */
#include <stdlib.h>

void through_library(int depth, void (*callback)(void));

static void *volatile kept;
__attribute__((constructor)) static void begin(void)
{
    kept = malloc(10);
    free(kept);
}

#ifdef ELSEWHERE
void before_it(int *numbers);
void before_it(int *numbers)
{
    int i;
    for (i = 0; i < 10; i++)
        numbers[i] += numbers[i + 1] * numbers[i + 2];
}
#endif

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
