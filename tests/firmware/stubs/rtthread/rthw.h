/* RT-Thread 5, as far as the port uses it. */
#ifndef STUB_RTHW_H
#define STUB_RTHW_H
#include "rtthread.h"
rt_base_t rt_hw_interrupt_disable(void);
void rt_hw_interrupt_enable(rt_base_t level);
#endif
