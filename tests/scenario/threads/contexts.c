// scenario: stacks switched by swapcontext are walked, each with its own frames
// expect: {"rule": "never-released", "family": "heap", "severity": "leak", "count": 6, "bytes": 600, "blame": "coroutine_leak:leak",
//          "stack": ["coroutine_leak:leak", "coroutine"]}
// expect: {"rule": "never-released", "family": "eventfd", "count": 1, "blame": "main:main"}
#include "must.h"

#include <sys/eventfd.h>
#include <ucontext.h>

static ucontext_t main_context, contexts[2];

FRAME static void coroutine_leak(void)
{
    void *volatile block = malloc(100); /* blame:leak */
    MUST(block);
}

static void coroutine(int own)
{
    int i;
    for (i = 0; i < 3; i++) {
        void *block = malloc(10);
        coroutine_leak();
        MUST(swapcontext(&contexts[own], own == 0 ? &contexts[1] : &main_context) == 0);
        free(block);
    }
}

int main(void)
{
    static char stacks[2][65536];
    static int i; /* swapcontext returns twice, as far as the compiler knows */
    for (i = 0; i < 2; i++) {
        MUST(getcontext(&contexts[i]) == 0);
        contexts[i].uc_stack.ss_sp = stacks[i];
        contexts[i].uc_stack.ss_size = sizeof stacks[i];
        contexts[i].uc_link = &main_context;
        makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
    }
    for (i = 0; i < 3; i++)
        MUST(swapcontext(&main_context, &contexts[0]) == 0);
    MUST(swapcontext(&main_context, &contexts[0]) == 0);
    MUST(swapcontext(&main_context, &contexts[1]) == 0);
    MUST(eventfd(0, 0) >= 0); /* blame:main */
    return 0;
}
