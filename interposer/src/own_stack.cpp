#include "own_stack.h"

#include "lifecycle.h"
#include "sys.h"

#include <csignal>
#include <sys/mman.h>
#include <sys/resource.h>

/// Calls `function(argument)` with the stack pointer at `top`, a multiple of 16. The frame pointer keeps the caller's
/// stack, and the unwind table describes that.
extern "C" __attribute__((visibility("hidden"))) void unpaired_call_on_stack(void (*function)(void *),
                                                                             void *argument, void *top);
#if defined(__x86_64__)
__asm__(".text\n.globl unpaired_call_on_stack\n.hidden unpaired_call_on_stack\n"
        ".type unpaired_call_on_stack,@function\nunpaired_call_on_stack:\n"
        ".cfi_startproc\n"
        "pushq %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\n"
        "movq %rsp, %rbp\n.cfi_def_cfa_register %rbp\n"
        "movq %rdx, %rsp\n"
        "movq %rdi, %rax\n"
        "movq %rsi, %rdi\n"
        "call *%rax\n"
        "movq %rbp, %rsp\n"
        "popq %rbp\n.cfi_def_cfa %rsp, 8\n"
        "ret\n"
        ".cfi_endproc\n.size unpaired_call_on_stack,.-unpaired_call_on_stack\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl unpaired_call_on_stack\n.hidden unpaired_call_on_stack\n"
        ".type unpaired_call_on_stack,%function\nunpaired_call_on_stack:\n"
        ".cfi_startproc\n"
        "stp x29, x30, [sp, #-16]!\n.cfi_def_cfa_offset 16\n.cfi_offset x29, -16\n.cfi_offset x30, -8\n"
        "mov x29, sp\n.cfi_def_cfa_register x29\n"
        "mov x3, x0\n"
        "mov x0, x1\n"
        "mov sp, x2\n"
        "blr x3\n"
        "mov sp, x29\n.cfi_def_cfa_register sp\n"
        "ldp x29, x30, [sp], #16\n.cfi_def_cfa_offset 0\n.cfi_restore x29\n.cfi_restore x30\n"
        "ret\n"
        ".cfi_endproc\n.size unpaired_call_on_stack,.-unpaired_call_on_stack\n");
#endif

namespace unpaired {

OwnStack own_stacks[most_own_stacks];

namespace {

constexpr uint64_t guard = 4096;
static_assert(own_stack_room <= own_stack_bytes - guard);

/// Maps a stack's memory at its first use. Only the thread that has taken the stack calls it. Returns false if no
/// memory is left.
bool has_memory(OwnStack &stack)
{
    if (load(stack.start) != 0)
        return true;
    void *at = sys::anonymous(own_stack_bytes);
    if (at == nullptr)
        return false;
    sys::call(SYS_mprotect, sys::of(at), guard, PROT_NONE);
    store(stack.start, reinterpret_cast<uint64_t>(at), __ATOMIC_RELEASE);
    return true;
}

/// Returns a free stack, or nullptr if other threads use all of them or no memory is left.
OwnStack *take()
{
    for (OwnStack &stack : own_stacks) {
        uint32_t free = 0;
        if (load(stack.taken) == 0 &&
            __atomic_compare_exchange_n(&stack.taken, &free, 1u, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            if (has_memory(stack))
                return &stack;
            store(stack.taken, 0u, __ATOMIC_RELEASE);
            return nullptr;
        }
    }
    return nullptr;
}

} // namespace

bool call_on_own_stack(void (*function)(void *argument), void *argument)
{
    if (sys::sealed())
        return false;
    const uint64_t all = ~uint64_t{0};
    uint64_t before = 0;
    constexpr long kernels_set = sizeof all; // rt_sigprocmask(2)
    if (sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::of(&all), sys::of(&before), kernels_set) != 0)
        return false;
    OwnStack *stack = take();
    if (stack != nullptr) {
        unpaired_call_on_stack(function, argument, reinterpret_cast<void *>(stack->start + own_stack_bytes));
        store(stack->taken, 0u, __ATOMIC_RELEASE);
    }
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::of(&before), 0, kernels_set);
    return stack != nullptr;
}

bool is_on_first_stack(uint64_t sp)
{
    // The kernel places no mappings in this area below the outer end of the first stack (mmap_base(), arch/x86 and
    // arch/arm64: at least 128 MiB).
    constexpr uint64_t kept_free = 64u << 20;
    return sp < process.stack_end && process.stack_end - sp < kept_free;
}

bool has_room_below(uint64_t sp)
{
    rlimit64 limit{};
    stack_t alternate{};
    return is_on_first_stack(sp) && sys::call(SYS_prlimit64, 0, RLIMIT_STACK, 0, sys::of(&limit)) == 0 &&
           limit.rlim_cur > process.stack_end - sp + own_stack_room &&
           sys::call(SYS_sigaltstack, 0, sys::of(&alternate)) == 0 && (alternate.ss_flags & SS_ONSTACK) == 0;
}

void release_own_stacks()
{
    for (OwnStack &stack : own_stacks)
        store(stack.taken, 0u);
}

} // namespace unpaired
