// scenario: a program whose filter kills on every call that it does not make itself ends as it would alone
// link: -pthread
// expect: {"rule": "never-released", "severity": "suspect", "family": "heap", "count": 3, "blame": "lose:lost"}
// remark: the program filters its system calls \(seccomp\), so the recorder makes none
// output: done
#include "filter.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

/* Makes many stacks and many live blocks, so that the recorder needs memory and room in the trace. */
FRAME static void work(int depth)
{
    char *blocks[50];
    for (int i = 0; i < 50; i++)
        MUST((blocks[i] = malloc(16)) != NULL);
    if (depth != 0)
        work(depth - 1);
    for (int i = 0; i < 50; i++)
        free(blocks[i]);
}

static void *thread(void *unused)
{
    work(20);
    return unused;
}

int main(void)
{
    filter_all_but(SECCOMP_RET_KILL_PROCESS);
    for (int i = 0; i < 3; i++)
        lose();
    for (int i = 0; i < 20; i++) {
        pthread_t other;
        MUST(pthread_create(&other, NULL, thread, NULL) == 0);
        MUST(pthread_join(other, NULL) == 0);
    }
    for (int i = 0; i < 100; i++)
        MUST(close(open("/dev/null", O_RDONLY)) == 0);
    puts("done");
    return 0;
}
