// scenario: a program that execs another is two images, each with its own findings
// image: {"end": "exec"}
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "memfd", "count": 2, "acquired": 2, "blame": "after_exec:after"}
#define _GNU_SOURCE
#include "must.h"

#include <sys/mman.h>
#include <unistd.h>

FRAME static void after_exec(void) { MUST(memfd_create("after", 0) >= 0); /* blame:after */ }

int main(int argc, char **argv)
{
    int i;
    if (argc == 1) {
        void *volatile lost_with_the_image = malloc(1000);
        MUST(lost_with_the_image);
        MUST(memfd_create("before", MFD_CLOEXEC) >= 0);
        MUST(execl(argv[0], argv[0], "again", (char *)NULL) == 0);
    }
    for (i = 0; i < 2; i++)
        after_exec();
    return 0;
}
