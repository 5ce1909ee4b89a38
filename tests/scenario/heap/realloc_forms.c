// scenario: each form of realloc moves, keeps or ends the block it was given
// native: same
// note: {"rule": "never-released", "reachability": "reachable", "family": "heap", "function": "realloc", "count": 2, "bytes": 6000, "blame": "grown:grown"}
// note: {"rule": "never-released", "reachability": "reachable", "family": "heap", "function": "malloc", "count": 2, "bytes": 128, "blame": "kept_by_failure:kept"}
#include "must.h"

#include <stdint.h>

static void *kept[4];

FRAME static void *grown(void *block)
{
    void *larger = realloc(block, 3000); /* blame:grown */
    MUST(larger);
    return larger;
}

FRAME static void *kept_by_failure(void)
{
    void *block = malloc(64); /* blame:kept */
    MUST(block);
    return block;
}

int main(void)
{
    volatile size_t huge = PTRDIFF_MAX;
    char *block;
    int i;
    for (i = 0; i < 2; i++) {
        block = malloc(100);
        memset(block, 'a' + i, 100);
        block = kept[i] = grown(block);
        MUST(block[0] == 'a' + i && block[99] == 'a' + i);
        kept[2 + i] = kept_by_failure();
        memset(kept[2 + i], 'k', 64);
        errno = 0;
        MUST(realloc(kept[2 + i], huge) == NULL && errno == ENOMEM);
        MUST(reallocarray(kept[2 + i], huge, 16) == NULL && errno == ENOMEM);
        MUST(((char *)kept[2 + i])[63] == 'k');
    }
    block = realloc(NULL, 10);
    MUST(block);
    strcpy(block, "nine char");
    block = realloc(block, 11);
    MUST(block && strcmp(block, "nine char") == 0);
    block = realloc(block, 100000);
    MUST(block && strcmp(block, "nine char") == 0);
    block = realloc(block, 500000); /* by mremap */
    MUST(block && strcmp(block, "nine char") == 0);
    block = realloc(block, 20);
    MUST(block && strcmp(block, "nine char") == 0);
    block = reallocarray(block, 7, 11);
    MUST(block && strcmp(block, "nine char") == 0);
    block = realloc(block, 0); /* glibc frees and returns NULL */
    printf("realloc(block, 0): %s\n", block ? "a block" : "NULL");
    block = calloc(3, 7);
    for (i = 0; i < 21; i++)
        MUST(block[i] == 0);
    free(block);
    errno = 0;
    MUST(malloc(huge) == NULL && errno == ENOMEM);
    errno = 0;
    MUST(calloc(huge, 16) == NULL && errno == ENOMEM);
    free(malloc(0));
    return 0;
}
