#include "scheduler.h"
#include "board.h"
#include "unpaired/port.h"

#include <string.h>

struct task {
    uint32_t *sp; /* while it does not run */
    const char *name;
    uint32_t *stack_end;
};

static struct task tasks[SCHEDULER_TASKS];
static volatile int task_count;
static volatile int current = -1; /* -1: main, before the scheduler */
static volatile uint32_t ticks;

#define ICSR (*(volatile uint32_t *)0xe000ed04u)
#define PENDSVSET (1u << 28)

static void ended(void)
{
    board_say("a task returned");
    board_exit(3);
}

int scheduler_add(const char *name, void (*entry)(void *), void *argument, void *stack, size_t size)
{
    uint32_t *top = (uint32_t *)((char *)stack + size), *sp = top - 16;
    struct task *task;
    MUST(task_count < SCHEDULER_TASKS);
    task = &tasks[task_count];
    memset(sp, 0, 16 * sizeof *sp); /* r4 to r11, and what an exception stacks: ARMv7-M B1.5.6 */
    sp[8] = (uint32_t)(uintptr_t)argument;
    sp[13] = (uint32_t)(uintptr_t)ended | 1u;
    sp[14] = (uint32_t)(uintptr_t)entry | 1u;
    sp[15] = 1u << 24; /* xPSR: Thumb */
    task->sp = sp;
    task->name = name;
    task->stack_end = top;
    return task_count++;
}

/* PendSV: the running task's stack pointer goes in, the next one's comes out. */
__attribute__((used)) uint32_t *scheduler_next(uint32_t *sp)
{
    if (current >= 0)
        tasks[current].sp = sp;
    current = (current + 1) % task_count;
    return tasks[current].sp;
}

__attribute__((naked)) void PendSV_Handler(void)
{
    __asm__ volatile("mrs r0, psp\n\t"
                     "cbz r0, 1f\n\t" /* the first switch: main's stack is left behind */
                     "stmdb r0!, {r4-r11}\n"
                     "1:\n\t"
                     "bl scheduler_next\n\t"
                     "ldmia r0!, {r4-r11}\n\t"
                     "msr psp, r0\n\t"
                     "mvn lr, #2\n\t" /* EXC_RETURN: thread mode on PSP, 0xfffffffd */
                     "bx lr");
}

static void tick(void)
{
    ticks++;
    ICSR = PENDSVSET;
}

void scheduler_run(uint32_t slice)
{
    __asm__ volatile("msr psp, %0" ::"r"(0));
    *(volatile uint32_t *)0xe000ed20u |= 0xffu << 16; /* SHPR3: PendSV last of all */
    ICSR = PENDSVSET;
    board_tick_every(slice, tick);
    for (;;) {
    }
}

void scheduler_yield(void)
{
    ICSR = PENDSVSET;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

uint32_t scheduler_ticks(void) { return ticks; }

/* ---- the port: what a firmware with an RTOS of its own writes ------------------------------------------ */

static uint32_t exception(void)
{
    uint32_t ipsr;
    __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
    return ipsr & 0x1ffu;
}

extern uint32_t __StackTop;
const uintptr_t *unpaired_port_stack_end(const uintptr_t *from)
{
    (void)from;
    return (const uintptr_t *)(exception() || current < 0 ? &__StackTop : tasks[current].stack_end);
}

uintptr_t unpaired_port_context(void)
{
    if (exception())
        return 1;
    return current < 0 ? 0 : (uintptr_t)&tasks[current];
}

const char *unpaired_port_task_name(void) { return exception() || current < 0 ? NULL : tasks[current].name; }

uint32_t unpaired_port_time_ms(void) { return ticks; }
