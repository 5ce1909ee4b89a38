/* Hooks that one row of the table cannot say. */
#include "hook.h"

#include <string.h>

#ifdef UNPAIRED_TABLE_LIBC

extern void *__real_malloc(size_t size);

/* posix_memalign(3): a power of two and a multiple of the size of a pointer. */
UNPAIRED_HOOK(int, posix_memalign, (void **block, size_t alignment, size_t size))
{
    void *taken;
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1u)) != 0)
        return EINVAL;
    if (unpaired_enter())
        return __real_posix_memalign(block, alignment, size);
    taken = __real_malloc(unpaired_padded_aligned(size, &alignment));
    unpaired_leave();
    taken = unpaired_block_taken_aligned(taken, size, alignment, UNPAIRED_ACQUIRER_IDS(posix_memalign, heap),
                                         UNPAIRED_CALL_HERE);
    if (taken == 0)
        return ENOMEM;
    *block = taken;
    return 0;
}

/* A copy of `length` bytes and a terminator. */
static char *copy_taken(const char *text, size_t length, uint32_t ids, UNPAIRED_CALL_PARAMETERS)
{
    char *copy;
    const int nested = unpaired_enter();
    void *base = __real_malloc(nested ? length + 1u : unpaired_padded(length + 1u));
    if (nested) {
        copy = base;
    } else {
        unpaired_leave();
        copy = unpaired_block_taken(base, length + 1u, ids, UNPAIRED_CALL_PASSED);
    }
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return copy_taken(text, strlen(text), UNPAIRED_ACQUIRER_IDS(strdup, heap), UNPAIRED_CALL_HERE);
}

char *__wrap_strndup(const char *text, size_t most);
char *__wrap_strndup(const char *text, size_t most)
{
    const char *const end = memchr(text, 0, most);
    return copy_taken(text, end ? (size_t)(end - text) : most, UNPAIRED_ACQUIRER_IDS(strndup, heap),
                      UNPAIRED_CALL_HERE);
}

#endif

#ifdef UNPAIRED_TABLE_FREERTOS

/* task.h: pdPASS is 1. The handle is written before the task can run; and the task may delete itself before its
 * creator runs again. */
UNPAIRED_HOOK(long, xTaskCreate,
              (void (*code)(void *), const char *name, size_t stack, void *parameters, unsigned long priority,
               void **handle))
{
    void *created = 0;
    const int nested = unpaired_enter();
    long ret;
    unpaired_creating_begin();
    ret = __real_xTaskCreate(code, name, stack, parameters, priority, handle ? handle : &created);
    if (!nested)
        unpaired_leave();
    unpaired_creating_end(UNPAIRED_ACQUIRER_IDS(xTaskCreate, task), ret == 1 ? handle ? *handle : created : 0,
                          stack, UNPAIRED_CALL_HERE);
    return ret;
}

UNPAIRED_HOOK(long, xTaskCreatePinnedToCore,
              (void (*code)(void *), const char *name, uint32_t stack, void *parameters,
               unsigned long priority, void **handle, long core))
{
    void *created = 0;
    const int nested = unpaired_enter();
    long ret;
    unpaired_creating_begin();
    ret = __real_xTaskCreatePinnedToCore(code, name, stack, parameters, priority, handle ? handle : &created,
                                         core);
    if (!nested)
        unpaired_leave();
    unpaired_creating_end(UNPAIRED_ACQUIRER_IDS(xTaskCreatePinnedToCore, task),
                          ret == 1 ? handle ? *handle : created : 0, stack, UNPAIRED_CALL_HERE);
    return ret;
}

UNPAIRED_HOOK(long, xTaskCreateAffinitySet,
              (void (*code)(void *), const char *name, size_t stack, void *parameters, unsigned long priority,
               unsigned long cores, void **handle))
{
    void *created = 0;
    const int nested = unpaired_enter();
    long ret;
    unpaired_creating_begin();
    ret = __real_xTaskCreateAffinitySet(code, name, stack, parameters, priority, cores,
                                        handle ? handle : &created);
    if (!nested)
        unpaired_leave();
    unpaired_creating_end(UNPAIRED_ACQUIRER_IDS(xTaskCreateAffinitySet, task),
                          ret == 1 ? handle ? *handle : created : 0, stack, UNPAIRED_CALL_HERE);
    return ret;
}

/* Null is the task that calls, and to delete that does not return: it is recorded before. */
UNPAIRED_HOOK(void, vTaskDelete, (void *task))
{
    const uint32_t ids = UNPAIRED_RELEASER_IDS(vTaskDelete, task);
    const uintptr_t handle = task ? (uintptr_t)task : unpaired_port_context();
    if (handle > 1u)
        unpaired_release_end(ids, unpaired_release_begin(ids, handle), handle, UNPAIRED_CALLER, 0);
    __real_vTaskDelete(task);
}

/* queue.h: queueQUEUE_TYPE_BASE and _SET 0, _MUTEX 1, _COUNTING_SEMAPHORE 2, _BINARY_SEMAPHORE 3, _RECURSIVE_MUTEX 4. */
UNPAIRED_HOOK(void *, xQueueGenericCreate, (unsigned long length, unsigned long size, unsigned char type))
{
    const uint32_t ids = type == 0           ? UNPAIRED_ACQUIRER_IDS(xQueueGenericCreate, queue)
                         : (type & 3u) >= 2u ? UNPAIRED_ACQUIRER_IDS(xQueueGenericCreate, semaphore)
                                             : UNPAIRED_ACQUIRER_IDS(xQueueGenericCreate, queue_mutex);
    const int nested = unpaired_enter();
    void *ret = __real_xQueueGenericCreate(length, size, type);
    if (nested)
        return ret;
    unpaired_leave();
    if (ret)
        unpaired_handle_acquired(ids, (uintptr_t)ret, length * size, UNPAIRED_CALL_HERE);
    else
        unpaired_acquire_failed(ids, length * size, UNPAIRED_CALLER);
    return ret;
}

/* timers.h: the command for the timer task; 5 is tmrCOMMAND_DELETE. */
#define UNPAIRED_TIMER_COMMAND(function)                                                              \
    UNPAIRED_HOOK(long, function,                                                                     \
                  (void *timer, long command, uintptr_t value, long *woken, uintptr_t ticks))         \
    {                                                                                                 \
        const uint32_t ids = UNPAIRED_RELEASER_IDS(function, software_timer);                         \
        const uint32_t token = command == 5 ? unpaired_release_begin(ids, (uintptr_t)timer) : 0;      \
        const long ret = __real_##function(timer, command, value, woken, ticks);                      \
        if (command == 5 && timer)                                                                    \
            unpaired_release_end(ids | unpaired_outcome(ret == 1, ret == 1), token, (uintptr_t)timer, \
                                 UNPAIRED_CALLER, (int32_t)ret);                                      \
        return ret;                                                                                   \
    }
UNPAIRED_TIMER_COMMAND(xTimerGenericCommand)
UNPAIRED_TIMER_COMMAND(xTimerGenericCommandFromTask)

#endif

#ifdef UNPAIRED_TABLE_RTTHREAD

UNPAIRED_HOOK(void, rt_timer_init,
              (void *timer, const char *name, void (*timeout)(void *), void *parameter, uint32_t time,
               unsigned char flag))
{
    const int nested = unpaired_enter();
    __real_rt_timer_init(timer, name, timeout, parameter, time, flag);
    if (nested)
        return;
    unpaired_leave();
    unpaired_handle_acquired(UNPAIRED_ACQUIRER_IDS(rt_timer_init, rt_timer_object), (uintptr_t)timer, 0,
                             UNPAIRED_CALL_HERE);
}

#endif

#ifdef UNPAIRED_TABLE_LWIP_MEMORY

UNPAIRED_HOOK(void, pbuf_ref, (void *pbuf))
{
    __real_pbuf_ref(pbuf);
    if (pbuf)
        unpaired_handle_acquired(UNPAIRED_ACQUIRER_IDS(pbuf_ref, pbuf), (uintptr_t)pbuf, 0,
                                 UNPAIRED_CALL_HERE);
}

/* It returns how many pbufs of the chain it deallocated: each of those lost a reference, and the one behind them, if
 * there is one, lost the reference its predecessor held. The first field of a pbuf is the next one (pbuf.h). */
UNPAIRED_HOOK(unsigned char, pbuf_free, (void *pbuf))
{
    enum { longest = 16 };
    const uint32_t ids = UNPAIRED_RELEASER_IDS(pbuf_free, pbuf);
    void *chain[longest];
    unsigned length = 0, i;
    unsigned char ret;
    void *next = pbuf;
    while (next && length < longest) {
        chain[length++] = next;
        next = *(void **)next;
    }
    ret = __real_pbuf_free(pbuf);
    for (i = 0; i < length && i <= ret; i++) {
        const uint32_t token = unpaired_release_begin(ids, (uintptr_t)chain[i]);
        if (token || i == 0)
            unpaired_release_end(ids, token, (uintptr_t)chain[i], UNPAIRED_CALLER, ret);
    }
    return ret;
}

#endif

#ifdef UNPAIRED_TABLE_PTHREAD
#include <pthread.h>

/* A thread created detached is nobody's to join. */
UNPAIRED_HOOK(int, pthread_create,
              (pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument))
{
    int detached = PTHREAD_CREATE_JOINABLE, ret;
    const int nested = unpaired_enter();
    if (attributes)
        pthread_attr_getdetachstate(attributes, &detached);
    unpaired_creating_begin();
    ret = __real_pthread_create(thread, attributes, start, argument);
    if (!nested)
        unpaired_leave();
    unpaired_creating_end(UNPAIRED_ACQUIRER_IDS(pthread_create, thread),
                          ret == 0 && detached == PTHREAD_CREATE_JOINABLE ? (void *)(uintptr_t)*thread : 0, 0,
                          UNPAIRED_CALL_HERE);
    return ret;
}

#endif
