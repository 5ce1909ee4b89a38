// scenario: blocks that a library frees by libc's own free, past the hooks, are not leaked, and one that is leaked is
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "function": "malloc", "count": 5, "bytes": 150, "blame": "lose:lost"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "function": "malloc", "count": 3, "bytes": 2700, "blame": "lose_large:large"}
// totals: {"heap": {"released_unseen": 107}}
#define _GNU_SOURCE
#include "must.h"

#include <dlfcn.h>

static void (*libc_free)(void *);

static void *volatile kept[200];
static int n_kept;

FRAME static void *take(size_t size)
{
    void *block = malloc(size);
    MUST(block);
    memset(block, 0x5a, size);
    return block;
}

FRAME static void lose(void) { memset(malloc(30), 1, 30); /* blame:lost */ }

FRAME static void lose_large(void) { memset(malloc(900), 1, 900); /* blame:large */ }

/* Acquires and frees `n` blocks, and keeps others between them, so that the freed ones are not merged. */
FRAME static void take_and_free(size_t size, int n)
{
    void *blocks[50];
    int i;
    for (i = 0; i < n; i++) {
        blocks[i] = take(size);
        kept[n_kept++] = take(16);
    }
    for (i = 0; i < n; i++) {
        libc_free(blocks[i]);
        blocks[i] = NULL;
    }
}

/* Frees adjacent blocks, which are merged with each other, or with the top chunk. */
FRAME static void take_and_free_neighbours(size_t size)
{
    void *blocks[10];
    int i;
    for (i = 0; i < 10; i++)
        blocks[i] = take(size);
    for (i = 0; i < 10; i++) {
        libc_free(blocks[i]);
        blocks[i] = NULL;
    }
}

FRAME static void wipe_stack(void)
{
    volatile char old[4096];
    memset((char *)old, 0, sizeof old);
}

int main(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    int i;
    MUST(libc && (*(void **)&libc_free = dlsym(libc, "__libc_free")) != NULL);
    MUST(dlclose(libc) == 0);
    take_and_free(40, 30);   /* seven in the thread's cache, the others in a fast bin */
    take_and_free(700, 30);  /* ... the others in bins */
    take_and_free(3000, 20); /* too large for the cache */
    for (i = 0; i < 5; i++)
        lose();
    for (i = 0; i < 3; i++)
        lose_large();
    take_and_free(24, 7);
    take_and_free_neighbours(2000);
    free(take(2500)); /* it reuses the memory of some of them */
    take_and_free_neighbours(5000);
    wipe_stack();
    return 0;
}
