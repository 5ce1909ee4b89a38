/* Port: Linux programs that are linked statically, so that nothing can be preloaded; glibc and musl.
 *
 * Nothing here allocates or goes through stdio: all of it runs inside malloc. Compiled with UNPAIRED_TASKS or
 * UNPAIRED_NESTING above 0, a thread counts as a task. With the file sink (sinks/file.c) what waits in the ring is
 * written at exit. */
#define _GNU_SOURCE
#include "unpaired/port.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static __thread struct {
    uintptr_t stack_low, stack_high; /* of the mapping its stack was last seen in */
    char name[16];
} self;

/* ---- lock ---------------------------------------------------------------------------------------------- */

/* Three states, as in Drepper's "Futexes Are Tricky": 0 free, 1 taken, 2 taken and waited for. A thread that has
 * it takes it again for nothing. Signals are blocked meanwhile: a handler that allocates would find the tables
 * half changed, and by its own thread. */
static int lock_word;
static void *lock_owner;
static unsigned lock_depth;
static uint64_t mask_of_owner;

static void set_mask(int how, const uint64_t *mask, uint64_t *old)
{
    (void)syscall(SYS_rt_sigprocmask, how, mask, old, sizeof *mask);
}

uintptr_t unpaired_port_lock(void)
{
    const int saved = errno;
    const uint64_t all = ~UINT64_C(0);
    uint64_t mask;
    int expected = 0;
    if (__atomic_load_n(&lock_owner, __ATOMIC_RELAXED) == &self) {
        lock_depth++;
        return 0;
    }
    set_mask(SIG_SETMASK, &all, &mask);
    if (!__atomic_compare_exchange_n(&lock_word, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0)
            (void)syscall(SYS_futex, &lock_word, FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
    __atomic_store_n(&lock_owner, (void *)&self, __ATOMIC_RELAXED);
    lock_depth = 1;
    mask_of_owner = mask;
    errno = saved;
    return 0;
}

void unpaired_port_unlock(uintptr_t state)
{
    uint64_t mask;
    int saved;
    (void)state;
    if (--lock_depth)
        return;
    saved = errno;
    mask = mask_of_owner;
    __atomic_store_n(&lock_owner, (void *)0, __ATOMIC_RELAXED);
    if (__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) == 2)
        (void)syscall(SYS_futex, &lock_word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    set_mask(SIG_SETMASK, &mask, (uint64_t *)0);
    errno = saved;
}

/* A fork happens with the lock held, so that the child's tables are whole; its only thread is the one that forked. */
static void before_fork(void) { (void)unpaired_port_lock(); }
static void after_fork(void) { unpaired_port_unlock(0); }

__attribute__((constructor)) static void follow_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

/* ---- stack --------------------------------------------------------------------------------------------- */

/* Stores the mapping that `address` lies in, found in /proc/self/maps. Whatever the stack is (main's, a thread's, a
 * coroutine's, a signal's), reading may go on to the mapping's end. Lines begin with "low-high ", in hexadecimal. */
static void find_mapping(uintptr_t address)
{
    enum { LOW, HIGH, REST } state = LOW;
    char buffer[512];
    uintptr_t value = 0, low = 0;
    ssize_t got, i;
    const long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    while ((got = syscall(SYS_read, fd, buffer, sizeof buffer)) > 0)
        for (i = 0; i < got; i++) {
            const char c = buffer[i];
            if (c == '\n') {
                state = LOW;
                value = 0;
            } else if (state == REST) {
                continue;
            } else if (c == '-') {
                low = value;
                value = 0;
                state = HIGH;
            } else if (c == ' ') {
                state = REST;
                if (address >= low && address < value) {
                    self.stack_low = low;
                    self.stack_high = value;
                    (void)syscall(SYS_close, fd);
                    return;
                }
            } else {
                value = value << 4 | (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
            }
        }
    (void)syscall(SYS_close, fd);
}

const uintptr_t *unpaired_port_stack_end(const uintptr_t *from)
{
    const uintptr_t address = (uintptr_t)from;
    if (address < self.stack_low || address >= self.stack_high) {
        const int saved = errno;
        self.stack_low = self.stack_high = 0;
        find_mapping(address);
        errno = saved;
    }
    return self.stack_high > address ? (const uintptr_t *)self.stack_high : from;
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

uint32_t unpaired_port_time_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
}

int unpaired_port_may_read(const void *address)
{
    const uintptr_t first = (uintptr_t)address, last = first + 15u;
    const int saved = errno;
    int readable = 1;
    /* The kernel reads the mask before it looks at `how`: EFAULT for memory that cannot be read, else EINVAL.
     * Most headers lie in the page of their block, which is there. */
    if ((first ^ (first + 16u)) & ~(uintptr_t)4095u) {
        readable =
            syscall(SYS_rt_sigprocmask, ~0, (const void *)first, (void *)0, 8) == -1 && errno == EINVAL &&
            syscall(SYS_rt_sigprocmask, ~0, (const void *)(last - 7u), (void *)0, 8) == -1 && errno == EINVAL;
        errno = saved;
    }
    return readable;
}

uintptr_t unpaired_port_context(void) { return (uintptr_t)&self; }

const char *unpaired_port_task_name(void)
{
    if (self.name[0] == '\0') {
        const int saved = errno;
        prctl(PR_GET_NAME, self.name, 0, 0, 0);
        errno = saved;
    }
    return self.name;
}

#if UNPAIRED_RING
/* After the program's own destructors and atexit handlers of higher priority: as late as a library can. */
__attribute__((destructor(101))) static void send_the_rest(void)
{
    while (unpaired_poll() != 0) {
    }
}
#endif
