// scenario: a program that limits its address space, by any function, has all that the limit leaves
// link: -pthread
// output: 4 limits, 4 times as alone
// output: once more by another process
#define _GNU_SOURCE
#include "must.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const rlim_t limit = 600UL << 20;

static void *thread(void *unused) { return unused; }

/* Acquires most of the address space within the limit, by each function that can. */
static int takes_most(void)
{
    const size_t large = 200UL << 20;
    pthread_attr_t attributes;
    pthread_t other;
    void *block = malloc(large), *pages = mmap(NULL, large, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64UL << 20);
    const int error = pthread_create(&other, &attributes, thread, NULL);
    if (error == 0)
        pthread_join(other, NULL);
    pthread_attr_destroy(&attributes);
    free(block);
    if (pages != MAP_FAILED)
        munmap(pages, large);
    return block != NULL && pages != MAP_FAILED && error == 0;
}

static int limit_by(int way)
{
    struct rlimit before, wanted;
    MUST(getrlimit(RLIMIT_AS, &before) == 0);
    wanted = before;
    wanted.rlim_cur = limit;
    int ret = -1;
    switch (way) {
    case 0:
        ret = setrlimit(RLIMIT_AS, &wanted);
        break;
    case 1:
        ret = prlimit(getpid(), RLIMIT_AS, &wanted, NULL);
        break;
    case 2:
        ret = (int)syscall(SYS_setrlimit, RLIMIT_AS, &wanted);
        break;
    case 3:
        ret = (int)syscall(SYS_prlimit64, 0, RLIMIT_AS, &wanted, NULL);
        break;
    default: { /* like prlimit(1): no function of this process is called */
        pid_t self = getpid(), child = fork();
        int status;
        if (child == 0)
            _exit(prlimit(self, RLIMIT_AS, &wanted, NULL) == 0 ? 0 : 1);
        MUST(waitpid(child, &status, 0) == child);
        ret = status;
    }
    }
    MUST(ret == 0);
    const int as_alone = takes_most();
    MUST(setrlimit(RLIMIT_AS, &before) == 0);
    return as_alone;
}

int main(void)
{
    int as_alone = 0;
    pid_t child = fork(); /* with the mapping as large as it was */
    int status;
    if (child == 0) {
        if (limit_by(4))
            puts("once more by another process");
        fflush(stdout);
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child && status == 0);
    for (int way = 0; way < 4; way++) {
        child = fork();
        if (child == 0)
            _exit(limit_by(way));
        MUST(waitpid(child, &status, 0) == child && WIFEXITED(status));
        as_alone += WEXITSTATUS(status);
    }
    printf("4 limits, %d times as alone\n", as_alone);
    return 0;
}
