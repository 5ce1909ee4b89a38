/* A small scheduler for Cortex-M3: tasks with stacks of their own (PSP), switched round robin by PendSV, which the
 * timer or the running task asks for. What an RTOS has is here so far as the recorder and lwIP need it. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SCHEDULER_TASKS = 8 };

/* Makes a task; `stack` is the caller's, of `size` bytes, a multiple of 8. To be called before scheduler_run() or by
 * a task. Returns its number. */
int scheduler_add(const char *name, void (*entry)(void *), void *argument, void *stack, size_t size);

/* Runs the tasks, from main, and never returns. `slice`: cycles of the processor between switches. */
void scheduler_run(uint32_t slice) __attribute__((noreturn));

/* Lets the others run. */
void scheduler_yield(void);

/* Slices so far. */
uint32_t scheduler_ticks(void);

#ifdef __cplusplus
}
#endif
#endif
