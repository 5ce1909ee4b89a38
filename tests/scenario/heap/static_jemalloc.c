// scenario: a program with jemalloc linked into it keeps its allocator, and its descriptors are followed
// link: -l:libjemalloc.a -pthread -lm -lstdc++
// run: --suppressions {here}/jemalloc.supp
// remark: (?i)malloc
// expect: {"rule": "never-released", "family": "socket", "count": 2, "blame": "main:socket"}
#include "must.h"

#include <pthread.h>
#include <sys/socket.h>

int mallctl(const char *name, void *old_value, size_t *old_size, void *new_value, size_t new_size);

static void *work(void *unused)
{
    void *block[64] = {0};
    int i;
    for (i = 0; i < 20000; i++) {
        block[i % 64] = realloc(block[i % 64], 1 + (size_t)i * 7 % 3000);
        MUST(block[i % 64]);
        memset(block[i % 64], i, 1 + (size_t)i * 7 % 3000);
    }
    for (i = 0; i < 64; i++)
        free(block[i]);
    return unused;
}

int main(void)
{
    const char *version = "none";
    size_t size = sizeof version;
    pthread_t threads[2];
    int i;
    MUST(mallctl("version", &version, &size, NULL, 0) == 0);
    for (i = 0; i < 2; i++)
        MUST(pthread_create(&threads[i], NULL, work, NULL) == 0);
    for (i = 0; i < 2; i++) {
        MUST(pthread_join(threads[i], NULL) == 0);
        MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0); /* blame:socket */
    }
    char *copy = strdup(version);
    printf("jemalloc %s\n", copy);
    free(copy);
    return 0;
}
