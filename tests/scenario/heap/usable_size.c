// scenario: malloc_usable_size answers at least what was asked, and all of it may be written
// native: differs — the sizes themselves are the allocator's business
#include "must.h"

#include <malloc.h>

int main(void)
{
    size_t size;
    for (size = 0; size < 6000; size++) {
        char *block = malloc(size);
        size_t usable = malloc_usable_size(block);
        MUST(block && usable >= size);
        memset(block, 'u', usable);
        char *larger = realloc(block, usable + 1);
        MUST(larger && (usable == 0 || (larger[0] == 'u' && larger[usable - 1] == 'u')));
        free(larger);
    }
    MUST(malloc_usable_size(NULL) == 0);
    return 0;
}
