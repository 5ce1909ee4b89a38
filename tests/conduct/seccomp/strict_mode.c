// scenario: strict mode, in which only read, write and exit are allowed, is survived by what the program does in its memory
// expect: {"rule": "never-released", "severity": "suspect", "family": "heap", "count": 3, "blame": "lose:lost"}
// remark: the program filters its system calls
// output: still here
#include "filter.h"

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

int main(void)
{
    puts("begin");
    fflush(stdout);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
    for (int i = 0; i < 3; i++)
        lose();
    for (int i = 0; i < 1000; i++)
        free(malloc(40));
    /* Allocates as much as the heap has before it must grow. */
    static char *blocks[100];
    for (int i = 0; i < 100; i++)
        if ((blocks[i] = malloc(1000)) != NULL)
            blocks[i][0] = 1;
    for (int i = 0; i < 100; i++)
        free(blocks[i]);
    static const char text[] = "still here\n";
    if (write(1, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
        return 1;
    syscall(SYS_exit, 0);
    return 1;
}
