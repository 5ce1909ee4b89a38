/* Start-up, console and UART of QEMU's mps2-an385: Arm application note 385 (CMSDK), Cortex-M3. */
#include "board.h"

#include <stddef.h>
#include <string.h>

extern uint32_t __StackTop, __data_load, __data_start, __data_end, __bss_start, __bss_end;
void __libc_init_array(void);
void exit(int status) __attribute__((noreturn));

/* ---- semihosting: Arm IHI 0074 ---- */
enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20 };

static int semihosting(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_say(const char *line)
{
    semihosting(SYS_WRITE0, line);
    semihosting(SYS_WRITE0, "\n");
}

void board_exit(int status)
{
    const uint32_t why[2] = {0x20026u /* ADP_Stopped_ApplicationExit */, (uint32_t)status};
    semihosting(SYS_EXIT_EXTENDED, why);
    for (;;) {
    }
}

/* ---- death ---- */
void board_die(void)
{
    *(volatile uint32_t *)0x60000000u = 1; /* nothing is there: a bus fault, which becomes a hard fault */
    for (;;) {
    }
}

void HardFault_Handler(void)
{
    board_say("DIED");
    for (;;) {
    }
}

/* ---- UART 0: CMSDK APB UART ---- */
#define UART ((volatile uint32_t *)0x40004000u)
void board_put_byte(uint8_t byte)
{
    UART[4] = 16;
    UART[2] = 1;
    while (UART[1] & 1u) {
    }
    UART[0] = byte;
}

/* ---- SysTick: ARMv7-M B3.3 ---- */
#define SYSTICK ((volatile uint32_t *)0xe000e010u)
static void (*tick_handler)(void);

void board_tick_every(uint32_t cycles, void (*handler)(void))
{
    tick_handler = handler;
    SYSTICK[0] = 0;
    SYSTICK[1] = cycles - 1u;
    SYSTICK[2] = 0;
    SYSTICK[0] = handler ? 7 : 0;
}

void SysTick_Handler(void) { tick_handler(); }

/* ---- start ---- */
void PendSV_Handler(void) __attribute__((weak, alias("unused_handler")));
void SVC_Handler(void) __attribute__((weak, alias("unused_handler")));
void unused_handler(void)
{
    board_say("an interrupt that nobody handles");
    board_exit(3);
}

void Reset_Handler(void)
{
    memcpy(&__data_start, &__data_load, (size_t)((char *)&__data_end - (char *)&__data_start));
    memset(&__bss_start, 0, (size_t)((char *)&__bss_end - (char *)&__bss_start));
    __libc_init_array();
    exit(main());
}

/* By exception number, ARMv7-M B1.5.2. */
__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    [0] = &__StackTop,
    [1] = (void *)Reset_Handler,
    [2] = (void *)unused_handler,
    [3] = (void *)HardFault_Handler,
    [4] = (void *)HardFault_Handler,
    [5] = (void *)HardFault_Handler,
    [6] = (void *)HardFault_Handler,
    [11] = (void *)SVC_Handler,
    [14] = (void *)PendSV_Handler,
    [15] = (void *)SysTick_Handler,
};
