// scenario: aligned blocks are as aligned, as large and as writable as without us
#include "must.h"

#include <malloc.h>
#include <stdint.h>

static void use(void *block, size_t alignment, size_t size)
{
    MUST(block && (uintptr_t)block % alignment == 0);
    MUST(malloc_usable_size(block) >= size);
    memset(block, 0x5a, malloc_usable_size(block));
    free(block);
}

int main(void)
{
    static const size_t sizes[] = {0, 1, 7, 8, 23, 24, 25, 40, 100, 1000, 4096, 100000, 200000};
    size_t alignment, i;
    void *block;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        use(malloc(size), 16, size);
        use(calloc(1, size), 16, size);
        use(valloc(size), 4096, size);
        use(pvalloc(size), 4096, (size + 4095) / 4096 * 4096);
        for (alignment = sizeof(void *); alignment <= 65536; alignment *= 2) {
            use(memalign(alignment, size), alignment, size);
            use(aligned_alloc(alignment, size), alignment, size);
            MUST(posix_memalign(&block, alignment, size) == 0);
            use(block, alignment, size);
            block = memalign(alignment, size + 1);
            block = realloc(block, 2 * size + 100);
            use(block, 16, 2 * size + 100);
        }
    }
    block = &i;
    errno = 0;
    MUST(posix_memalign(&block, 3, 10) == EINVAL && block == (void *)&i && errno == 0);
    return 0;
}
