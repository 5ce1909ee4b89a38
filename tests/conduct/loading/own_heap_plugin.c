// A library with its own heap functions, which its calls reach since it is loaded with RTLD_DEEPBIND.
#include <stddef.h>

static char room[4096];
static size_t used;
static int freed;

void *malloc(size_t size)
{
    void *block = room + used;
    used += (size + 15) / 16 * 16;
    return block;
}

void free(void *block)
{
    if ((char *)block >= room && (char *)block < room + sizeof room)
        freed++;
}

int use_own_heap(void)
{
    for (int i = 0; i < 5; i++)
        free(malloc(100));
    return freed;
}
