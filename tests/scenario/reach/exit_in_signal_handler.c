// scenario: a program that ends in a signal handler, on a stack that it made itself, is looked at from there
// expect: {"severity": "leak", "count": 3, "reachability": "lost", "blame": "lose:lost"}
// note: {"blame": "handler:kept", "reachability": "reachable", "held_by": "~held by the stack of thread \\d+"}
#include "must.h"
#include <signal.h>

static char alternate[64 * 1024];

FRAME static void lose(void)
{
    char *block = malloc(100); /* blame:lost */
    MUST(block != NULL);
    block[0] = 1;
}

FRAME static void sweep(void)
{
    volatile char ground[4096];
    for (size_t i = 0; i < sizeof ground; i++)
        ground[i] = 0;
}

static void handler(int signal)
{
    (void)signal;
    char *volatile kept = malloc(40); /* blame:kept */
    MUST(kept != NULL);
    exit(0);
}

int main(void)
{
    const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    for (int i = 0; i < 3; i++)
        lose();
    sweep();
    MUST(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    return 1;
}
