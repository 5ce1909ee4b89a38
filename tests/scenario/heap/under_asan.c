// scenario: a program built with AddressSanitizer starts and is followed, once its runtime may come second
// build: -fsanitize=address
// link: -fsanitize=address
// env: ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
// note: {"rule": "never-released", "family": "heap", "function": "malloc", "count": 3, "bytes": 90, "blame": "keep:keep",
//   "reachability": "reachable", "held_by": "~^held by kept"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "function": "malloc", "count": 3,
//   "blame": "lose:lost", "reachability": "lost"}
// output: done
//
// Its runtime looks up names that do not exist before our first hook has run: dlsym then frees the message of the
// failure before, through our free, whose real function is being looked up with dlsym.
#include "must.h"

#include <stdio.h>

void *kept[3];

FRAME static void keep(int i)
{
    kept[i] = malloc(30); /* blame:keep */
    MUST(kept[i]);
}

FRAME static void lose(void) { MUST(malloc(40)); /* blame:lost */ }

FRAME static void sweep(void)
{
    volatile char ground[4096];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

int main(void)
{
    int i;
    for (i = 0; i < 3; i++) {
        keep(i);
        lose();
    }
    sweep();
    free(malloc(10));
    puts("done");
    return 0;
}
