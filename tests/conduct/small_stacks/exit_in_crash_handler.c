// scenario: a crash handler on a stack of 8 KiB ends the process by _exit, and memory is searched all the same
// status: 3
// expect: {"rule": "never-released", "family": "heap", "function": "malloc", "count": 100, "bytes": 10000, "blame": "lose:lost"}
#include "must.h"
#include "small_stack.h"

#include <unistd.h>

static void *volatile kept[100];

FRAME static void *lose(void) { return malloc(100); /* blame:lost */ }

static void on_crash(void) { _exit(3); }

int main(void)
{
    int i;
    for (i = 0; i < 100; i++) {
        kept[i] = malloc(50);
        memset(lose(), 0, 100);
    }
    on_alternate_stack(on_crash);
    return 0;
}
