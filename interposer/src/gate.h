// Gated hooks: for names that are not the C library's alone. `mem_free` is lwIP's, but may as well be some other
// library's, with other parameters; a hook that went between would hand on only those it knows. So the exported
// symbol is a jump through a pointer, which at the first call is set either to the hook or, if the real function
// lives in a library that is not the one meant, to the real function itself, every register untouched.
#pragma once

#include "hook.h"

#if defined(__x86_64__)
#define UNPAIRED_GATE_JUMP(function)                                                       \
    __asm__(".text\n.globl " #function "\n.type " #function ",@function\n" #function ":\n" \
            "jmp *unpaired_gate_" #function "(%rip)\n.size " #function ",.-" #function "\n");
#define UNPAIRED_GATE_FIRST(function)                                                                      \
    __asm__(                                                                                               \
        ".text\nunpaired_first_" #function ":\n"                                                           \
        "push %rbp\nmov %rsp,%rbp\nand $-16,%rsp\nsub $192,%rsp\n"                                         \
        "mov %rdi,(%rsp)\nmov %rsi,8(%rsp)\nmov %rdx,16(%rsp)\nmov %rcx,24(%rsp)\n"                        \
        "mov %r8,32(%rsp)\nmov %r9,40(%rsp)\nmov %rax,48(%rsp)\nmov %r10,56(%rsp)\n"                       \
        "movups %xmm0,64(%rsp)\nmovups %xmm1,80(%rsp)\nmovups %xmm2,96(%rsp)\nmovups %xmm3,112(%rsp)\n"    \
        "movups %xmm4,128(%rsp)\nmovups %xmm5,144(%rsp)\nmovups %xmm6,160(%rsp)\nmovups %xmm7,176(%rsp)\n" \
        "call unpaired_choose_" #function "\nmov %rax,%r11\n"                                              \
        "mov (%rsp),%rdi\nmov 8(%rsp),%rsi\nmov 16(%rsp),%rdx\nmov 24(%rsp),%rcx\n"                        \
        "mov 32(%rsp),%r8\nmov 40(%rsp),%r9\nmov 48(%rsp),%rax\nmov 56(%rsp),%r10\n"                       \
        "movups 64(%rsp),%xmm0\nmovups 80(%rsp),%xmm1\nmovups 96(%rsp),%xmm2\nmovups 112(%rsp),%xmm3\n"    \
        "movups 128(%rsp),%xmm4\nmovups 144(%rsp),%xmm5\nmovups 160(%rsp),%xmm6\nmovups 176(%rsp),%xmm7\n" \
        "mov %rbp,%rsp\npop %rbp\njmp *%r11\n");
#elif defined(__aarch64__)
#define UNPAIRED_GATE_JUMP(function)                                                               \
    __asm__(".text\n.globl " #function "\n.type " #function ",%function\n" #function ":\n"         \
            "adrp x16, unpaired_gate_" #function "\nldr x16, [x16, :lo12:unpaired_gate_" #function \
            "]\nbr x16\n"                                                                          \
            ".size " #function ",.-" #function "\n");
#define UNPAIRED_GATE_FIRST(function)                                                                      \
    __asm__(".text\nunpaired_first_" #function ":\n"                                                       \
            "stp x29, x30, [sp, #-224]!\nmov x29, sp\n"                                                    \
            "stp x0, x1, [sp, #16]\nstp x2, x3, [sp, #32]\nstp x4, x5, [sp, #48]\nstp x6, x7, [sp, #64]\n" \
            "str x8, [sp, #80]\nstp q0, q1, [sp, #96]\nstp q2, q3, [sp, #128]\nstp q4, q5, [sp, #160]\n"   \
            "stp q6, q7, [sp, #192]\n"                                                                     \
            "bl unpaired_choose_" #function "\nmov x16, x0\n"                                              \
            "ldp x0, x1, [sp, #16]\nldp x2, x3, [sp, #32]\nldp x4, x5, [sp, #48]\nldp x6, x7, [sp, #64]\n" \
            "ldr x8, [sp, #80]\nldp q0, q1, [sp, #96]\nldp q2, q3, [sp, #128]\nldp q4, q5, [sp, #160]\n"   \
            "ldp q6, q7, [sp, #192]\nldp x29, x30, [sp], #224\nbr x16\n");
#endif

/// Like UNPAIRED_HOOK, behind a gate that opens only where the real function's library also has `landmark`.
#define UNPAIRED_GATED_HOOK(landmark, type, function, parameters)                                     \
    extern "C" type hook_##function parameters __asm__("unpaired_hook_" #function)                    \
        __attribute__((visibility("hidden")));                                                        \
    extern "C" __attribute__((visibility("hidden"))) void unpaired_first_##function();                \
    extern "C" {                                                                                      \
    __attribute__((visibility("hidden"), used)) void *unpaired_gate_##function =                      \
        reinterpret_cast<void *>(&unpaired_first_##function);                                         \
    }                                                                                                 \
    extern "C" __attribute__((visibility("hidden"), used)) void *unpaired_choose_##function()         \
    {                                                                                                 \
        const ::unpaired::KeepErrno keep;                                                             \
        void *target = ::unpaired::real::is_from_library_with(UNPAIRED_FUNCTION_##function, landmark) \
                           ? reinterpret_cast<void *>(&hook_##function)                               \
                           : ::unpaired::real::address(UNPAIRED_FUNCTION_##function);                 \
        __atomic_store_n(&unpaired_gate_##function, target, __ATOMIC_RELEASE);                        \
        return target;                                                                                \
    }                                                                                                 \
    UNPAIRED_GATE_JUMP(function)                                                                      \
    UNPAIRED_GATE_FIRST(function)                                                                     \
    extern "C" type hook_##function parameters
