/* What the firmware recorder needs of its system, and what the firmware calls of it. C99.
 *
 * A port is one source file that defines the unpaired_port_* functions; wraplib/ports/ has one for each system,
 * and wraplib/src has weak versions for a single-threaded bare-metal image, so that a port defines only what
 * differs. All of them may be called from interrupts and before main. None may allocate. */
#ifndef UNPAIRED_PORT_H
#define UNPAIRED_PORT_H

#include "unpaired/config.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the firmware calls -------------------------------------------------------------------------------- */

/* Sets the tables up and sends the beginning of a stream. The first hooked call does it where nobody did; with
 * UNPAIRED_RAM_SECTION in memory that survives a restart it must be called before the first one. */
void unpaired_init(void);

/* Sends what waits in the ring, on the caller's time and stack. From any task, not from an interrupt; a second
 * caller returns at once. Returns the number of events sent. */
unsigned unpaired_poll(void);

/* ---- the port ------------------------------------------------------------------------------------------ */

/* Begins and ends a section that no interrupt and no other task may enter; sections nest. At most 80
 * instructions lie in between. */
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M' && !defined(UNPAIRED_PORT_LOCK)
/* PRIMASK, ARMv7-M B1.4.3. Unprivileged code cannot mask interrupts: a port for it defines UNPAIRED_PORT_LOCK. */
static inline uintptr_t unpaired_port_lock(void)
{
    uintptr_t state;
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(state)::"memory");
    return state;
}
static inline void unpaired_port_unlock(uintptr_t state)
{
    __asm__ volatile("msr primask, %0" ::"r"(state) : "memory");
}
#elif defined(__riscv) && !defined(UNPAIRED_PORT_LOCK) && !defined(__linux__)
/* mstatus.MIE, RISC-V privileged specification 3.1.6.1; machine mode. GCC from 12 on wants Zicsr to be named, which
 * an older -march=rv32imac does not. */
#if !defined(__riscv_zicsr) && __GNUC__ >= 12
#define UNPAIRED_ZICSR(code) ".option push\n\t.option arch, +zicsr\n\t" code "\n\t.option pop"
#else
#define UNPAIRED_ZICSR(code) code
#endif
static inline uintptr_t unpaired_port_lock(void)
{
    uintptr_t state;
    __asm__ volatile(UNPAIRED_ZICSR("csrrci %0, mstatus, 8") : "=r"(state)::"memory");
    return state;
}
static inline void unpaired_port_unlock(uintptr_t state)
{
    __asm__ volatile(UNPAIRED_ZICSR("csrs mstatus, %0")::"r"(state & 8u) : "memory");
}
#else
uintptr_t unpaired_port_lock(void);
void unpaired_port_unlock(uintptr_t state);
#endif

/* The first address behind the stack that is in use, or one that stops the scan earlier. Default: the linker
 * script's __StackTop, _estack, __stack or _stack; without any, `from`: no scan. `from` is on that stack. */
const uintptr_t *unpaired_port_stack_end(const uintptr_t *from);

/* Milliseconds since some beginning; wraps. Default: 0, no clock. */
uint32_t unpaired_port_time_ms(void);

/* Whether 16 bytes at `address` may be read, asked for blocks of unknown origin. Default: yes. */
int unpaired_port_may_read(const void *address);

/* What runs now: a task's handle, or 1 in an interrupt, 0 where there are no tasks. Used with UNPAIRED_TASKS and
 * UNPAIRED_NESTING. Default: 1 in an interrupt (ARM, RISC-V as far as it can be told), else 0. */
uintptr_t unpaired_port_context(void);

/* Name of the running task, for its owner (owner_tag.h: unpaired_owner_from_name), or null. Default: null. */
const char *unpaired_port_task_name(void);

/* Takes the bytes of a record. Returns 0 if it cannot take all of them: then none were taken, and the record
 * will be offered again. Called outside locks, never twice at a time. A sink of wraplib/ports/sinks defines it;
 * default: takes and drops them. */
int unpaired_sink_write(const void *bytes, size_t length);

#ifdef __cplusplus
}
#endif
#endif
