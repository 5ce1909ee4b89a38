// scenario: when the trace is full, calls from stacks never seen before cost the program no memory
// run: --max-trace=512K
// output: steady: yes
// remark: not recorded
#include "must.h"

#include <stdio.h>

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

/* Each number takes a path of its own: left for a clear bit, right for a set one. */
FRAME static void path(unsigned number, int bits, int times)
{
    if (bits == 0) {
        while (times-- > 0)
            free(malloc(16));
    } else if (number & 1) {
        path(number >> 1, bits - 1, times);
    } else {
        path(number >> 1, bits - 1, times);
    }
}

int main(void)
{
    unsigned long before, after;
    unsigned number;
    for (number = 0; number < 8192; number++)
        path(number, 13, 1);
    before = resident_kilobytes();
    path(4711, 14, 400000);
    after = resident_kilobytes();
    printf("steady: %s\n", after < before + 1500 ? "yes" : "no");
    return 0;
}
