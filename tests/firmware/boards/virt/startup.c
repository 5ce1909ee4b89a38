/* Start-up, console and UART of QEMU's RISC-V virt machine, 32 bits, machine mode. */
#include "board.h"

#include <stddef.h>
#include <string.h>

extern char __bss_start, __bss_end;
void __libc_init_array(void);
void exit(int status) __attribute__((noreturn));

/* ---- semihosting: RISC-V Semihosting 0.2; the three instructions must not be compressed ---- */
enum { SYS_WRITE0 = 0x04 };

static long semihosting(long operation, const void *argument)
{
    register long a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".option push\n\t.option norvc\n\t.balign 16\n\t"
                     "slli x0, x0, 0x1f\n\tebreak\n\tsrai x0, x0, 7\n\t.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

void board_say(const char *line)
{
    semihosting(SYS_WRITE0, line);
    semihosting(SYS_WRITE0, "\n");
}

/* The SiFive test device. */
void board_exit(int status)
{
    *(volatile uint32_t *)0x100000u = status ? (uint32_t)status << 16 | 0x3333u : 0x5555u;
    for (;;) {
    }
}

void board_die(void)
{
    *(volatile uint32_t *)0xf0000000u = 1; /* nothing is there: a store access fault */
    for (;;) {
    }
}

__attribute__((aligned(4), used, noreturn)) static void trap(void)
{
    board_say("DIED");
    for (;;) {
    }
}

/* A 16550. */
#define UART ((volatile uint8_t *)0x10000000u)
void board_put_byte(uint8_t byte)
{
    while (!(UART[5] & 0x20u)) {
    }
    UART[0] = byte;
}

__attribute__((used, noreturn)) static void start(void)
{
    memset(&__bss_start, 0, (size_t)(&__bss_end - &__bss_start));
    __asm__ volatile("csrw mtvec, %0" ::"r"(trap));
    __libc_init_array();
    exit(main());
}

__attribute__((naked, section(".start"), used)) void _start(void)
{
    __asm__ volatile(".option push\n\t.option norelax\n\tla gp, __global_pointer$\n\t.option pop\n\t"
                     "la sp, __StackTop\n\tla tp, __tls_base\n\tj %0" ::"i"(start));
}
