// scenario: a filter that a vfork child installs for itself is not its parent's
// image: {"end": "exit"}
// expect: {"rule": "never-released", "severity": "leak", "family": "heap", "reachability": "lost", "count": 2, "blame": "lose:lost"}
// output: 7
#include "filter.h"
#include <sys/wait.h>

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    int status;
    lose();
    pid_t child = vfork();
    if (child == 0) {
        filter_all_but(SECCOMP_RET_KILL_PROCESS);
        _exit(7);
    }
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status));
    lose();
    printf("%d\n", WEXITSTATUS(status));
    return 0;
}
