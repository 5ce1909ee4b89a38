// scenario: two thousand short threads leave what they leave, and the trace stays small
// link: -pthread
// run: --max-trace 16M
// expect: {"rule": "never-released", "family": "heap", "severity": "leak", "count": 200, "bytes": 3200, "acquired": 2000, "blame": "work:malloc"}
// totals: {"thread": {"acquired": 2000, "released": 2000, "unpaired": 0}}
#include "must.h"

#include <pthread.h>

FRAME static void *work(void *number)
{
    void *block = malloc(16); /* blame:malloc */
    MUST(block);
    if ((size_t)number % 10 != 0)
        free(block);
    return NULL;
}

int main(void)
{
    size_t i, j;
    for (i = 0; i < 2000; i += 8) {
        pthread_t threads[8];
        for (j = 0; j < 8; j++)
            MUST(pthread_create(&threads[j], NULL, work, (void *)(i + j)) == 0);
        for (j = 0; j < 8; j++)
            MUST(pthread_join(threads[j], NULL) == 0);
    }
    return 0;
}
