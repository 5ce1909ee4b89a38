// scenario: a handler on a stack of 8 KiB ends the process by exit, after handlers of atexit
// status: 4
// output: at exit
#include "must.h"
#include "small_stack.h"

#include <unistd.h>

static void *volatile kept[100];

static void at_exit(void) { MUST(write(1, "at exit\n", 8) == 8); }
static void on_crash(void) { exit(4); }

int main(void)
{
    int i;
    for (i = 0; i < 100; i++)
        kept[i] = malloc(50);
    atexit(at_exit);
    on_alternate_stack(on_crash);
    return 0;
}
