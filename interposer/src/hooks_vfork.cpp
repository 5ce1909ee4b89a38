// Hooks vfork(2). The child runs on its parent's stack and in its memory until it ends or executes another program.
// Only then does the parent return from the same call, through a stack that the child may have overwritten. So the
// hook keeps the caller's return address elsewhere. The real function's result shows whether the parent or the child
// runs.
#include "hook.h"

using namespace unpaired;

namespace {

struct Way {
    void *real;
    uint64_t kept; ///< 1: the return address is kept, and after_vfork must be called
};

/// Returns the state that keeps the call: the thread's own, or a stand-in's if signal handlers interrupted the recorder.
/// A busy state is no evidence: a child that was killed inside the recorder leaves its parent's state busy.
Thread *state_of_call(uint64_t sp)
{
    for (Thread *thread = self; thread != nullptr; thread = thread->for_signals)
        for (unsigned i = 0; i < thread->vforks; i++)
            if (thread->vfork[i].sp == sp)
                return thread;
    return self;
}

} // namespace

/// Prepares for the real vfork. `sp` is the address of the return address `pc`.
extern "C" __attribute__((used, visibility("hidden"))) Way unpaired_before_vfork(uint64_t sp, uint64_t pc)
{
    Way way{real::address(UNPAIRED_FUNCTION_vfork), 0};
    Thread *thread = enter(stack_pointer());
    if (thread == nullptr || thread->vforks >= most_vforks)
        return way;
    thread->vfork[thread->vforks] = {sp, pc, sys::getpid(), thread->apart};
    thread->vforks = thread->vforks + 1;
    way.kept = 1;
    return way;
}

/// Returns the address at which the caller continues.
extern "C" __attribute__((used, visibility("hidden"))) uint64_t unpaired_after_vfork(uint64_t sp, int64_t pid)
{
    Thread *thread = state_of_call(sp);
    const VforkCall &last = thread->vfork[thread->vforks - 1];
    if (pid == 0) {
        thread->apart = Apart::process_and_descriptors;
        return last.pc;
    }
    // Discard the state of a child that was killed inside a vfork of its own.
    const int caller = sys::getpid();
    while (thread->vforks > 1) {
        const VforkCall &top = thread->vfork[thread->vforks - 1];
        if (caller > 0 && top.pid > 0 ? top.pid == caller : top.sp == sp)
            break;
        thread->vforks--;
    }
    const VforkCall &own = thread->vfork[--thread->vforks];
    thread->apart = own.apart;
    __atomic_fetch_sub(&sys::seals, thread->seals_of_child, __ATOMIC_SEQ_CST);
    thread->seals_of_child = 0;
    return own.pc;
}

#if defined(__x86_64__)
__asm__(".text\n.globl vfork\n.type vfork,@function\nvfork:\n"
        ".cfi_startproc\n"
        "mov %rsp, %rdi\nmov (%rsp), %rsi\n"
        "subq $8, %rsp\n.cfi_adjust_cfa_offset 8\n"
        "call unpaired_before_vfork\n"
        "addq $8, %rsp\n.cfi_adjust_cfa_offset -8\n"
        "test %rdx, %rdx\n"
        "jne 1f\n"
        "jmp *%rax\n"
        "1: addq $8, %rsp\n.cfi_adjust_cfa_offset -8\n.cfi_undefined %rip\n"
        "call *%rax\n"         // pushes its return address at the position of the caller's
        "lea -8(%rsp), %rdi\n" // the child may have overwritten this position
        "movslq %eax, %rsi\n"
        "subq $32, %rsp\n.cfi_adjust_cfa_offset 32\n"
        "mov %rsi, 16(%rsp)\n"
        "call unpaired_after_vfork\n"
        "mov %rax, %rcx\n"
        "movslq 16(%rsp), %rax\n"
        "addq $32, %rsp\n.cfi_adjust_cfa_offset -32\n"
        "jmp *%rcx\n"
        ".cfi_endproc\n.size vfork,.-vfork\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl vfork\n.type vfork,%function\nvfork:\n"
        ".cfi_startproc\n"
        "mov x0, sp\nmov x1, x30\n"
        "stp x29, x30, [sp, #-16]!\n.cfi_adjust_cfa_offset 16\n.cfi_rel_offset x30, 8\n"
        "bl unpaired_before_vfork\n"
        "mov x16, x0\n"
        "ldp x29, x30, [sp], #16\n.cfi_adjust_cfa_offset -16\n.cfi_restore x30\n"
        "cbnz x1, 1f\n"
        "br x16\n"
        "1: blr x16\n"
        "sub sp, sp, #16\n.cfi_adjust_cfa_offset 16\n"
        "str x0, [sp]\n"
        "sxtw x1, w0\n"
        "add x0, sp, #16\n"
        "bl unpaired_after_vfork\n"
        "mov x30, x0\n"
        "ldr x0, [sp], #16\n.cfi_adjust_cfa_offset -16\n"
        "ret\n"
        ".cfi_endproc\n.size vfork,.-vfork\n");
#endif
