// scenario: a program that has used up its descriptors still learns what memory it lost
// expect: {"family": "heap", "severity": "leak", "count": 3, "reachability": "lost", "blame": "lose:lost"}
// expect: {"family": "file", "severity": "suspect", "rule": "never-released", "forecast": {"reached": true}}
#include "must.h"
#include <fcntl.h>
#include <sys/resource.h>

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    struct rlimit limit = {64, 128};
    MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    MUST(errno == EMFILE);
    for (int i = 0; i < 3; i++)
        lose();
    return 0;
}
