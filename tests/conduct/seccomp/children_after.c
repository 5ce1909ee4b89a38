// scenario: children that a program forks under its filter are images of their own
// image: {"end": "exit"}
// image: {"end": "exit"}
// expect: {"rule": "never-released", "family": "heap", "count": 4, "blame": "lose:lost"}
// remark: the program filters its system calls
// output: fine
#include "filter.h"
#include <sys/wait.h>

FRAME static void lose(int n)
{
    while (n-- > 0) {
        char *block = malloc(100); /* blame:lost */
        MUST(block != NULL);
        block[0] = 1;
    }
}

int main(void)
{
    int status;
    filter_all_but(SECCOMP_RET_KILL_PROCESS);
    for (int i = 0; i < 3; i++)
        free(malloc(100));
    pid_t child = fork();
    if (child == 0) {
        lose(4);
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child);
    puts(status == 0 ? "fine" : "died");
    return 0;
}
