/* RT-Thread, as far as the port uses it; STUB_RTTHREAD_5: with the thread's name in its object. */
#ifndef STUB_RTTHREAD_H
#define STUB_RTTHREAD_H
#include <stdint.h>
typedef long rt_base_t;
typedef uint32_t rt_tick_t;
#define RT_NULL ((void *)0)
#define RT_TICK_PER_SECOND 1000
#ifdef STUB_RTTHREAD_5
#define RT_VERSION_CHECK(major, minor, revise) ((major * 10000) + (minor * 100) + revise)
#define RTTHREAD_VERSION RT_VERSION_CHECK(5, 1, 0)
#endif
struct rt_object {
    char name[8];
};
struct rt_thread {
#ifdef STUB_RTTHREAD_5
    struct rt_object parent;
#else
    char name[8];
#endif
    void *stack_addr;
    uint32_t stack_size;
};
typedef struct rt_thread *rt_thread_t;
rt_thread_t rt_thread_self(void);
uint8_t rt_interrupt_get_nest(void);
rt_tick_t rt_tick_get(void);
#endif
