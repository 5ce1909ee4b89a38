/* Start-up and system calls for QEMU's mps2-an385 (Arm application note 385), Cortex-M3. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern uint32_t _estack, _sidata, _sdata, _edata, _sbss, _ebss;
extern char end, _heap_end;
void __libc_init_array(void);
int main(void);
void died(void);

/* Semihosting (Arm IHI 0074): tells the debugger, or QEMU, that the program is over. */
__attribute__((noinline)) void died(void)
{
    static const uint32_t why[2] = {0x20026u, 0}; /* ADP_Stopped_ApplicationExit, status */
    register int r0 __asm__("r0") = 0x20;         /* SYS_EXIT_EXTENDED */
    register const void *r1 __asm__("r1") = why;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    for (;;) {
    }
}

void *_sbrk(ptrdiff_t bytes)
{
    static char *top = &end;
    char *const old = top;
    if (old + bytes > &_heap_end)
        return (void *)-1;
    top += bytes;
    return old;
}

void _exit(int status)
{
    (void)status;
    for (;;)
        died();
}
void _init(void) {}
void _fini(void) {}

void Reset_Handler(void)
{
    memcpy(&_sdata, &_sidata, (size_t)((char *)&_edata - (char *)&_sdata));
    memset(&_sbss, 0, (size_t)((char *)&_ebss - (char *)&_sbss));
    __libc_init_array();
    exit(main());
}

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {
    &_estack,     (void *)Reset_Handler, (void *)died, (void *)died, (void *)died,
    (void *)died, (void *)died,          NULL,         NULL,         NULL,
    NULL,         (void *)died,          NULL,         NULL,         (void *)died,
    (void *)died};
