/* lwIP's sys_arch on the rig's scheduler: everything that waits yields until it has what it waits for. */
#include "lwip/sys.h"

#include "board.h"
#include "scheduler.h"
#include "unpaired/port.h"

#include <string.h>

void sys_init(void) {}
u32_t sys_now(void) { return scheduler_ticks(); }
sys_prot_t sys_arch_protect(void) { return unpaired_port_lock(); }
void sys_arch_unprotect(sys_prot_t state) { unpaired_port_unlock(state); }

err_t sys_sem_new(sys_sem_t *sem, u8_t count)
{
    sem->count = count;
    sem->valid = 1;
    return ERR_OK;
}

void sys_sem_free(sys_sem_t *sem) { sem->valid = 0; }

void sys_sem_signal(sys_sem_t *sem)
{
    uintptr_t state = unpaired_port_lock();
    sem->count++;
    unpaired_port_unlock(state);
}

u32_t sys_arch_sem_wait(sys_sem_t *sem, u32_t timeout)
{
    const u32_t begin = scheduler_ticks();
    for (;;) {
        uintptr_t state = unpaired_port_lock();
        const int got = sem->count > 0;
        sem->count -= got;
        unpaired_port_unlock(state);
        if (got)
            return scheduler_ticks() - begin;
        if (timeout && scheduler_ticks() - begin >= timeout)
            return SYS_ARCH_TIMEOUT;
        scheduler_yield();
    }
}

err_t sys_mutex_new(sys_mutex_t *mutex) { return sys_sem_new(mutex, 1); }
void sys_mutex_free(sys_mutex_t *mutex) { sys_sem_free(mutex); }
void sys_mutex_lock(sys_mutex_t *mutex) { sys_arch_sem_wait(mutex, 0); }
void sys_mutex_unlock(sys_mutex_t *mutex) { sys_sem_signal(mutex); }

err_t sys_mbox_new(sys_mbox_t *mbox, int size)
{
    (void)size;
    memset(mbox, 0, sizeof *mbox);
    mbox->room = 16;
    return ERR_OK;
}

void sys_mbox_free(sys_mbox_t *mbox) { mbox->room = 0; }

err_t sys_mbox_trypost(sys_mbox_t *mbox, void *message)
{
    uintptr_t state = unpaired_port_lock();
    const int fits = mbox->put - mbox->taken < mbox->room;
    if (fits)
        mbox->messages[mbox->put++ % 16u] = message;
    unpaired_port_unlock(state);
    return fits ? ERR_OK : ERR_MEM;
}

err_t sys_mbox_trypost_fromisr(sys_mbox_t *mbox, void *message) { return sys_mbox_trypost(mbox, message); }

void sys_mbox_post(sys_mbox_t *mbox, void *message)
{
    while (sys_mbox_trypost(mbox, message) != ERR_OK)
        scheduler_yield();
}

u32_t sys_arch_mbox_tryfetch(sys_mbox_t *mbox, void **message)
{
    uintptr_t state = unpaired_port_lock();
    const int there = mbox->put != mbox->taken;
    if (there && message)
        *message = mbox->messages[mbox->taken % 16u];
    mbox->taken += (unsigned)there;
    unpaired_port_unlock(state);
    return there ? 0 : SYS_MBOX_EMPTY;
}

u32_t sys_arch_mbox_fetch(sys_mbox_t *mbox, void **message, u32_t timeout)
{
    const u32_t begin = scheduler_ticks();
    while (sys_arch_mbox_tryfetch(mbox, message) == SYS_MBOX_EMPTY) {
        if (timeout && scheduler_ticks() - begin >= timeout)
            return SYS_ARCH_TIMEOUT;
        scheduler_yield();
    }
    return scheduler_ticks() - begin;
}

sys_thread_t sys_thread_new(const char *name, lwip_thread_fn thread, void *argument, int size, int priority)
{
    static uint64_t stack[1024]; /* tcpip's: nobody else asks */
    static int given;
    (void)priority;
    MUST(!given++ && (size_t)size <= sizeof stack);
    return scheduler_add(name, thread, argument, stack, sizeof stack);
}
