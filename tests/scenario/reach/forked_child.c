// scenario: a forked child tells its own lost memory, and what it inherited holds its own
// image: {"end": "exit"}
// image: {"end": "exit"}
// expect: {"rule": "never-released", "severity": "leak", "count": 4, "reachability": "lost", "blame": "lose:lost"}
// note: {"blame": "main:held", "reachability": "reachable"}
#include "must.h"
#include <sys/wait.h>
#include <unistd.h>

char **g_inherited;

FRAME static void lose(void)
{
    char *block = malloc(40); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    g_inherited = malloc(10 * sizeof *g_inherited);
    MUST(g_inherited != NULL);
    const pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 4; i++)
            lose();
        g_inherited[5] = malloc(50); /* blame:held */
        _exit(0);
    }
    int status = 0;
    MUST(waitpid(child, &status, 0) == child && status == 0);
    free(g_inherited);
    return 0;
}
