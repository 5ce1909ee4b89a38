/* Provides stacks of the smallest size in use, with an inaccessible page below, and a call through a frame that only the
 * general unwinder can walk. */
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { alternate_stack = 8192, page = 4096 };

/* Runs `work` in a signal handler on an alternate stack of 8,192 bytes, as crash reporters do. */
static void (*work_of_handler)(void);

static inline void on_signal(int signal)
{
    (void)signal;
    work_of_handler();
}

static inline void on_alternate_stack(void (*work)(void))
{
    static char *room;
    if (!room) {
        room = mmap(NULL, page + alternate_stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (room == MAP_FAILED || mprotect(room, page, PROT_NONE))
            abort();
        const stack_t stack = {.ss_sp = room + page, .ss_size = alternate_stack};
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
        if (sigaltstack(&stack, NULL) || sigaction(SIGUSR1, &action, NULL))
            abort();
    }
    work_of_handler = work;
    raise(SIGUSR1);
}

/* Calls `work` from a frame whose unwind rule uses a register other than the frame pointer. */
void through_odd_frame(void (*work)(void));
#if defined(__x86_64__)
__asm__(
    ".text\n.globl through_odd_frame\n.type through_odd_frame,@function\nthrough_odd_frame:\n.cfi_startproc\n"
    "pushq %r12\n.cfi_adjust_cfa_offset 8\n.cfi_offset %r12, -16\n"
    "movq %rsp, %r12\n.cfi_def_cfa_register %r12\n"
    "call *%rdi\n"
    "popq %r12\n.cfi_def_cfa %rsp, 8\n"
    "ret\n.cfi_endproc\n.size through_odd_frame,.-through_odd_frame\n");
#elif defined(__aarch64__)
__asm__(
    ".text\n.globl through_odd_frame\n.type through_odd_frame,%function\nthrough_odd_frame:\n.cfi_startproc\n"
    "stp x20, x30, [sp, #-16]!\n.cfi_def_cfa_offset 16\n.cfi_offset x20, -16\n.cfi_offset x30, -8\n"
    "mov x20, sp\n.cfi_def_cfa_register x20\n"
    "blr x0\n"
    "ldp x20, x30, [sp], #16\n.cfi_def_cfa sp, 0\n.cfi_restore x20\n.cfi_restore x30\n"
    "ret\n.cfi_endproc\n.size through_odd_frame,.-through_odd_frame\n");
#endif
