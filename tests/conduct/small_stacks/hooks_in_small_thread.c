// scenario: every kind of hook works in a thread of PTHREAD_STACK_MIN bytes, also where the general unwinder is needed
// link: -pthread
// output: all done
#include "hooked_calls.h"
#include "small_stack.h"

#include <limits.h>

static void *call(void *work)
{
    void (*function)(void);
    char own[6 * 1024]; /* room that the thread needs itself */
    memcpy(&function, &work, sizeof function);
    memset(own, work == NULL, sizeof own);
    function();
    through_odd_frame(function);
    MUST(own[sizeof own - 1] == 0);
    return NULL;
}

int main(void)
{
    pthread_attr_t attributes;
    int i;
    MUST(pthread_attr_init(&attributes) == 0);
    MUST(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
    for (i = 0; i < n_hooked_calls; i++) { /* each hook is the first of its thread */
        pthread_t thread;
        void *work;
        memcpy(&work, &hooked_calls[i], sizeof work);
        MUST(pthread_create(&thread, &attributes, call, work) == 0 && pthread_join(thread, NULL) == 0);
    }
    MUST(pthread_attr_destroy(&attributes) == 0);
    puts("all done");
    return 0;
}
