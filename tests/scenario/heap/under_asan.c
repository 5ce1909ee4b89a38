// scenario: a program built with AddressSanitizer starts and is followed, once its runtime may come second
// build: -fsanitize=address
// link: -fsanitize=address
// env: ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
// expect: {"rule": "never-released", "severity": "suspect", "family": "heap", "function": "malloc", "count": 3, "bytes": 90, "blame": "keep:keep"}
// output: done
//
// Its runtime looks up names that do not exist before our first hook has run: dlsym then frees the message of the
// failure before, through our free, whose real function is being looked up with dlsym.
#include "must.h"

#include <stdio.h>

static void *kept[3];

FRAME static void keep(int i)
{
    kept[i] = malloc(30); /* blame:keep */
    MUST(kept[i]);
}

int main(void)
{
    int i;
    for (i = 0; i < 3; i++)
        keep(i);
    free(malloc(10));
    puts("done");
    return 0;
}
