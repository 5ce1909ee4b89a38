// scenario: an exec that fails changes nothing
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "memfd", "count": 1, "blame": "main:leak"}
#define _GNU_SOURCE
#include "must.h"

#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    MUST(execl("/nonexistent/program", "program", (char *)NULL) == -1 && errno == ENOENT);
    MUST(memfd_create("after", 0) >= 0); /* blame:leak */
    return 0;
}
