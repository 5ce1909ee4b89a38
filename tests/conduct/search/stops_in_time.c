// scenario: the search of a short-lived program stops when its share of the program's life is over, and the report says so
// expect: {"rule": "never-released", "severity": "suspect", "family": "heap", "function": "malloc", "count": 3, "reachability": "unknown", "blame": "acquire:acquired"}
// remark: who still holds .* is not known \(the search stopped after \d+ ms, and \d+ ms is its share of a program that ran \d+ ms\)
#include "must.h"

#include <sys/mman.h>

enum { reserved_gib = 900 };

static void *volatile kept[3];
static char *volatile reserved;

FRAME static void acquire(int i) { kept[i] = malloc(100); /* blame:acquired */ }

int main(void)
{
    int i;
    /* The search needs seconds to find which of its pages were ever written. */
    reserved = mmap(NULL, (size_t)reserved_gib << 30, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MUST(reserved != MAP_FAILED);
    for (i = 0; i < 3; i++)
        acquire(i);
    return 0;
}
