// scenario: a limit at an address that cannot be read fails as it would alone, and recording goes on
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "count": 200000, "blame": "main:lost"}
// output: refused
#define _GNU_SOURCE
#include "must.h"
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    struct rlimit *wild = (struct rlimit *)8;
    MUST(setrlimit(RLIMIT_AS, wild) == -1 && errno == EFAULT);
    MUST(prlimit(0, RLIMIT_AS, wild, NULL) == -1 && errno == EFAULT);
    MUST(syscall(SYS_prlimit64, 0, RLIMIT_AS, wild, NULL) == -1 && errno == EFAULT);
    MUST(malloc(SIZE_MAX / 4) == NULL);
    for (int i = 0; i < 200000; i++)
        MUST(malloc(8) != NULL); /* blame:lost */
    puts("refused");
    return 0;
}
