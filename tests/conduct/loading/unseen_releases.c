// scenario: blocks that a call past the recorder released are no leaks, wherever the allocator keeps them
// link: -pthread
// totals: {"heap": {"acquired": ">=1680", "released_unseen": 1680}}
// output: done
#include "must.h"

#include <pthread.h>

// Call past the hooks, like a library that was linked to another build of the C library, or that used dlvsym().
extern void __libc_free(void *block);

enum { blocks = 40 };

static void release_in_order(char **block)
{
    for (int i = 0; i < blocks; i++)
        __libc_free(block[i]);
}

static void release_backwards(char **block)
{
    for (int i = blocks; i-- > 0;)
        __libc_free(block[i]);
}

static void release_by_turns(char **block)
{
    for (int i = 0; i < blocks; i += 2)
        __libc_free(block[i]);
    for (int i = 1; i < blocks; i += 2)
        __libc_free(block[i]);
}

// Sizes for the thread's cache, for fast bins, for chunks that are merged, and for blocks with their own mapping.
static const size_t sizes[] = {24, 100, 500, 1500, 5000, 60000, 300000};

static void *use(void *release)
{
    char *block[blocks];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int i = 0; i < blocks; i++) {
            block[i] = malloc(sizes[s]);
            MUST(block[i] != NULL);
            memset(block[i], 1, sizes[s]);
        }
        ((void (*)(char **))release)(block);
        memset(block, 0, sizeof block);
    }
    return NULL;
}

int main(void)
{
    void (*const ways[])(char **) = {release_in_order, release_backwards, release_by_turns};
    for (int i = 0; i < 3; i++) {
        use((void *)ways[i]);
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, use, (void *)ways[i]) == 0);
        MUST(pthread_join(thread, NULL) == 0);
    }
    puts("done");
    return 0;
}
