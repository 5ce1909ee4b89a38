// Dies of SIGILL with blocks that are held in every way there is. Each is acquired in a function of its own, which
// run_postmortem.py looks for; pointers that must not stand anywhere are kept disguised.
#include "must.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const uintptr_t disguise = 0x5a5a5a5a5a5a5a5a;

struct session {
    struct session *next;
    char text[56];
    void *data;
};

struct session *g_held; // reachable
char *g_middle;         // points into the middle of a block
uintptr_t g_disguised;  // of the block that only a register holds
static pthread_barrier_t ready;

static FRAME void *block(size_t size, const char *text)
{
    char *memory = malloc(size);
    MUST(memory != NULL);
    memset(memory, 0, size);
    strncpy(memory + 8, text, size - 9);
    return memory;
}

FRAME void lose_three(void)
{
    for (int i = 0; i < 3; i++) {
        void *volatile memory = block(100, "lost one");
        memory = NULL;
        (void)memory;
    }
}

FRAME void *child_of_lost(void) { return block(48, "child of a lost block"); }

FRAME void lose_with_child(void)
{
    struct session *volatile lost = block(sizeof *lost, "lost parent");
    lost->data = child_of_lost();
    lost = NULL;
    (void)lost;
}

FRAME void hold_in_global(void) { g_held = block(sizeof *g_held, "held by a global"); }

FRAME void *hold_in_block(void) { return block(40, "held by a block"); }

FRAME void hold_in_middle(void) { g_middle = (char *)block(200, "pointed into") + 96; }

FRAME void hold_in_register(void) { g_disguised = (uintptr_t)block(72, "held by a register") ^ disguise; }

FRAME void *stale_target(void) { return block(88, "only a freed block points here"); }

FRAME void hold_in_freed(void)
{
    struct session *volatile freed = block(sizeof *freed, "to be freed");
    freed->data = stale_target();
    free((void *)freed);
    freed = NULL;
}

FRAME void *hold_in_thread(void *unused)
{
    (void)unused;
    void *volatile mine = block(64, "held by a thread's stack");
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&ready); // main does not come
    return mine;
}

/// Overwrites what the functions before left on the stack.
static FRAME void scrub(void)
{
    volatile char room[16384];
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0;
}

FRAME _Noreturn void die(void)
{
    __asm__ volatile("mov %0, %%rbx\n\txor %1, %%rbx\n\tmov %%rbx, %%rbx\n\txor %%eax, %%eax\n\tud2"
                     :
                     : "r"(g_disguised), "r"(disguise)
                     : "rax", "rbx");
    __builtin_unreachable();
}

int main(void)
{
    MUST(pthread_barrier_init(&ready, NULL, 2) == 0);
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, hold_in_thread, NULL) == 0);
    pthread_barrier_wait(&ready);
    lose_three();
    lose_with_child();
    hold_in_global();
    g_held->data = hold_in_block();
    hold_in_middle();
    hold_in_register();
    hold_in_freed();
    scrub();
    die();
}
