// scenario: by frame pointers the whole stack is told, through code that has no unwind tables, in threads and on other stacks too
// build: -fno-omit-frame-pointer -fno-optimize-sibling-calls
// link: pthread
// run: --walk=frame-pointers
// expect: { "rule": "never-released", "function": "malloc", "count": 30, "blame": "leak:here",
//           "stack": ["leak:here", "inner", "outer", "main:through"] }
// expect: { "rule": "never-released", "function": "malloc", "count": 20, "blame": "leak:here",
//           "stack": ["leak:here", "inner", "outer", "in_thread"] }
// expect: { "rule": "never-released", "function": "malloc", "count": 10, "blame": "leak:here",
//           "stack": ["leak:here", "inner", "outer", "in_coroutine"] }
#include "must.h"

#include <pthread.h>
#include <ucontext.h>

#define NOT_INLINED __attribute__((noinline))

static void *volatile lost;
static volatile int sink;

extern "C" {

static NOT_INLINED void leak(void)
{
    lost = malloc(10); // blame:here
    lost = NULL;
    sink = 1;
}
static NOT_INLINED void inner(void)
{
    leak();
    sink = 2;
}
static NOT_INLINED void outer(void)
{
    inner();
    sink = 3;
}

#if defined(__x86_64__)
// What a compiler at run time or an assembler leaves: a frame pointer, and no table.
void without_table(void (*function)(void));
__asm__(".text\n"
        ".type without_table, @function\n"
        "without_table:\n"
        "    push %rbp\n"
        "    mov %rsp, %rbp\n"
        "    call *%rdi\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size without_table, . - without_table\n");
#else
static NOT_INLINED void without_table(void (*function)(void)) { function(); }
#endif

static void *in_thread(void *)
{
    for (int i = 0; i < 20; i++)
        outer();
    sink = 4;
    return NULL;
}

static ucontext_t before, coroutine;
static void in_coroutine(void)
{
    for (int i = 0; i < 10; i++)
        outer();
    swapcontext(&coroutine, &before);
}
}

int main(void)
{
    for (int i = 0; i < 30; i++)
        without_table(outer); // blame:through
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, in_thread, NULL) == 0);
    MUST(pthread_join(thread, NULL) == 0);
    static char stack[64 * 1024];
    MUST(getcontext(&coroutine) == 0);
    coroutine.uc_stack.ss_sp = stack;
    coroutine.uc_stack.ss_size = sizeof stack;
    coroutine.uc_link = NULL;
    makecontext(&coroutine, in_coroutine, 0);
    MUST(swapcontext(&before, &coroutine) == 0);
    return 0;
}
