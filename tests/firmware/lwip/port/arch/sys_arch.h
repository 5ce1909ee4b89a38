/* lwIP's threads on the rig's scheduler: waiting is yielding. */
#ifndef ARCH_SYS_ARCH_H
#define ARCH_SYS_ARCH_H
#include <stdint.h>
typedef struct {
    volatile int count;
    int valid;
} sys_sem_t;
typedef sys_sem_t sys_mutex_t;
typedef struct {
    void *volatile messages[16];
    volatile unsigned put, taken;
    unsigned room;
} sys_mbox_t;
typedef int sys_thread_t;
typedef uintptr_t sys_prot_t;
#define sys_sem_valid(sem) ((sem)->valid)
#define sys_sem_set_invalid(sem) ((void)((sem)->valid = 0))
#define sys_mutex_valid(mutex) ((mutex)->valid)
#define sys_mutex_set_invalid(mutex) ((void)((mutex)->valid = 0))
#define sys_mbox_valid(mbox) ((mbox)->room != 0)
#define sys_mbox_set_invalid(mbox) ((void)((mbox)->room = 0))
#endif
