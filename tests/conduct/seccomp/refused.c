// scenario: where the kernel refuses a filter, the program is recorded as before
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "reachability": "lost", "count": 2, "blame": "lose:lost"}
// output: refused
#include "filter.h"

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    struct sock_fprog empty = {0, NULL};
    lose();
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &empty) == -1);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (void *)8) == -1 && errno == EFAULT);
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &empty) == -1);
    lose();
    puts("refused");
    return 0;
}
