// scenario: a block written over its end is reported when it is freed
// native: differs — without us the write hits the heap itself
// expect: {"rule": "tag-overwritten", "family": "heap", "function": "malloc", "count": 1, "bytes": 24,
//          "blame": "make_name:malloc", "ended_by": {"function": "free", "stack": ["drop_name:free"]}}
#include "must.h"

FRAME static char *make_name(void)
{
    char *name = malloc(24); /* blame:malloc */
    MUST(name);
    return name;
}

FRAME static void drop_name(char *name)
{
    free(name); /* blame:free */
    __asm__ volatile("");
}

int main(void)
{
    char *volatile name = make_name();
    volatile int length = 48;
    memset(name, 'x', (size_t)length); /* glibc gives 24 + 24 bytes of tag no less than this */
    drop_name(name);
    char *next = make_name();
    drop_name(next);
    return 0;
}
