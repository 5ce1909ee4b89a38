/* Sink: a file on the debugger's side, through semihosting (Arm IHI 0074; RISC-V Semihosting 0.2).
 *
 * The machine stands still while the debugger writes, and without a debugger the trap instruction is a fault: for
 * a bench, not for the field. The file is UNPAIRED_SEMIHOSTING_FILE (default "unpaired.stream") in the folder the
 * debugger or QEMU was started in. */
#include "unpaired/port.h"

#ifndef UNPAIRED_SEMIHOSTING_FILE
#define UNPAIRED_SEMIHOSTING_FILE "unpaired.stream"
#endif

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, MODE_WB = 5 };

static intptr_t semihosting(intptr_t operation, const uintptr_t *arguments)
{
#if defined(__arm__)
    register intptr_t r0 __asm__("r0") = operation;
    register const uintptr_t *r1 __asm__("r1") = arguments;
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
#elif defined(__thumb__)
    __asm__ volatile("svc 0xab" : "+r"(r0) : "r"(r1) : "memory", "lr");
#else
    __asm__ volatile("svc 0x123456" : "+r"(r0) : "r"(r1) : "memory", "lr");
#endif
    return r0;
#elif defined(__riscv)
    /* the debugger knows the trap by its neighbours; the three are uncompressed and in one page */
    register intptr_t a0 __asm__("a0") = operation;
    register const uintptr_t *a1 __asm__("a1") = arguments;
    __asm__ volatile(".option push\n\t.option norvc\n\t.balign 16\n\t"
                     "slli x0, x0, 0x1f\n\tebreak\n\tsrai x0, x0, 7\n\t.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
#else
#error "semihosting is known here for ARM and RISC-V"
#endif
}

int unpaired_sink_write(const void *bytes, size_t length)
{
    static intptr_t file; /* the host's handle + 1 */
    uintptr_t arguments[3];
    if (file == 0) {
        static const char name[] = UNPAIRED_SEMIHOSTING_FILE;
        arguments[0] = (uintptr_t)name;
        arguments[1] = MODE_WB;
        arguments[2] = sizeof name - 1;
        file = semihosting(SYS_OPEN, arguments) + 1;
        if (file <= 0)
            file = -1;
    }
    if (file < 0)
        return 1; /* no such file can be made: offering the record again would not help */
    arguments[0] = (uintptr_t)(file - 1);
    arguments[1] = (uintptr_t)bytes;
    arguments[2] = length;
    semihosting(SYS_WRITE, arguments); /* what it returns is the number of bytes not written: a full disk */
    return 1;
}
