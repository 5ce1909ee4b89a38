// scenario: with jemalloc preloaded as well the program works, and its blocks are followed
// env: LD_PRELOAD=libjemalloc.so.2
// note: {"rule": "never-released", "reachability": "reachable", "family": "heap", "function": "malloc", "count": 3, "bytes": 90, "blame": "keep:keep"}
// output: jemalloc: yes
#define _GNU_SOURCE
#include "must.h"

#include <dlfcn.h>
#include <malloc.h>

static void *kept[3];

FRAME static void keep(int i)
{
    kept[i] = malloc(30); /* blame:keep */
    MUST(kept[i]);
}

int main(void)
{
    int i;
    printf("jemalloc: %s\n", dlsym(RTLD_DEFAULT, "mallctl") ? "yes" : "no");
    for (i = 0; i < 3; i++)
        keep(i);
    for (i = 0; i < 5000; i++) {
        char *block = malloc((size_t)i);
        MUST(block && malloc_usable_size(block) >= (size_t)i);
        memset(block, 1, malloc_usable_size(block));
        block = realloc(block, (size_t)(i / 2) + 1);
        MUST(block);
        free(block);
    }
    return 0;
}
