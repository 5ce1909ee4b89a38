/* Acquires a lot, gives half of it back, and says what it did. The same words must come where there is hardly
 * room for a trace. `mlockall` as argument: with all its memory locked, now and later; then the number of
 * blocks, at most that. */
#define _GNU_SOURCE
#include "must.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BLOCKS = 60000 };
static void *blocks[BLOCKS];

/* Many call paths, so that stacks take room too. */
FRAME static void *deep(unsigned path, unsigned depth)
{
    void *block;
    if (depth == 0)
        return malloc(16);
    if (path & 1)
        block = deep(path >> 1, depth - 1);
    else
        block = deep(path >> 1, depth - 1);
    __asm__ volatile("" : "+r"(block));
    return block;
}

static unsigned long resident_kilobytes(void)
{
    char line[256];
    unsigned long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    MUST(status);
    while (fgets(line, sizeof line, status))
        sscanf(line, "VmRSS: %lu", &kilobytes);
    fclose(status);
    return kilobytes;
}

int main(int argc, char **argv)
{
    uint64_t sum = 0;
    int i, left = 0;
    const int n = argc > 2 ? atoi(argv[2]) : BLOCKS;
    if (argc > 1 && strcmp(argv[1], "mlockall") == 0)
        MUST(mlockall(MCL_CURRENT | MCL_FUTURE) == 0);
    for (i = 0; i < n; i++) {
        blocks[i] = deep((unsigned)i, 12);
        MUST(blocks[i]);
        memset(blocks[i], i, 16);
    }
    for (i = 0; i < n; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
    for (i = 0; i < n; i++) {
        left += blocks[i] != NULL;
        sum += blocks[i] ? ((unsigned char *)blocks[i])[15] : 0;
    }
    if (argc > 1 && strcmp(argv[1], "mlockall") == 0)
        printf("resident less than 100 MB: %s\n", resident_kilobytes() < 300000 ? "yes" : "no");
    printf("left %d, sum %llu\n", left, (unsigned long long)sum);
    return 7;
}
