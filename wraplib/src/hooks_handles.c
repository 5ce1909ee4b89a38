/* Hooks of what is not memory: one of each regular row of the table. Each is a few instructions around handles.c. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* pthread_tryjoin_np and the like */
#endif
#include "hook.h"

#if defined(UNPAIRED_TABLE_PTHREAD) || defined(UNPAIRED_TABLE_PTHREAD_HELD)
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>
#endif

#define UNPAIRED_ACQUIRE_SIZED(family, type, function, parameters, arguments, succeeded, handle, bytes)   \
    UNPAIRED_HOOK(type, function, parameters)                                                             \
    {                                                                                                     \
        const int nested_ = unpaired_enter();                                                             \
        type ret = __real_##function arguments;                                                           \
        if (nested_)                                                                                      \
            return ret;                                                                                   \
        unpaired_leave();                                                                                 \
        if (succeeded)                                                                                    \
            unpaired_handle_acquired(UNPAIRED_ACQUIRER_IDS(function, family), (uintptr_t)(handle), bytes, \
                                     UNPAIRED_CALL_HERE);                                                 \
        else                                                                                              \
            unpaired_acquire_failed(UNPAIRED_ACQUIRER_IDS(function, family), bytes, UNPAIRED_CALLER);     \
        return ret;                                                                                       \
    }
#define UNPAIRED_ACQUIRE(family, type, function, parameters, arguments, succeeded, handle) \
    UNPAIRED_ACQUIRE_SIZED(family, type, function, parameters, arguments, succeeded, handle, 0)

#define UNPAIRED_RELEASE(space, type, function, parameters, arguments, succeeded, gone, handle)              \
    UNPAIRED_HOOK(type, function, parameters)                                                                \
    {                                                                                                        \
        const uint32_t ids_ = UNPAIRED_RELEASER_IDS(function, space);                                        \
        const uintptr_t handle_ = (uintptr_t)(handle);                                                       \
        const int nothing_ = UNPAIRED_IS_NOTHING(handle);                                                    \
        const uint32_t token_ = unpaired_release_begin(ids_, handle_);                                       \
        type ret = __real_##function arguments;                                                              \
        if (!nothing_)                                                                                       \
            unpaired_release_end(ids_ | unpaired_outcome(succeeded, gone), token_, handle_, UNPAIRED_CALLER, \
                                 (int32_t)ret);                                                              \
        return ret;                                                                                          \
    }

#define UNPAIRED_RELEASE_VOID(space, function, parameters, arguments, handle) \
    UNPAIRED_HOOK(void, function, parameters)                                 \
    {                                                                         \
        const uint32_t ids_ = UNPAIRED_RELEASER_IDS(function, space);         \
        const uintptr_t handle_ = (uintptr_t)(handle);                        \
        const int nothing_ = UNPAIRED_IS_NOTHING(handle);                     \
        const uint32_t token_ = unpaired_release_begin(ids_, handle_);        \
        __real_##function arguments;                                          \
        if (!nothing_)                                                        \
            unpaired_release_end(ids_, token_, handle_, UNPAIRED_CALLER, 0);  \
    }

#define UNPAIRED_OBSERVE(space, type, function, parameters, arguments, handle)                          \
    UNPAIRED_HOOK(type, function, parameters)                                                           \
    {                                                                                                   \
        type ret = __real_##function arguments;                                                         \
        unpaired_observed(UNPAIRED_RELEASER_IDS(function, space), (uintptr_t)(handle), UNPAIRED_CALLER, \
                          (int32_t)ret);                                                                \
        return ret;                                                                                     \
    }
#include "unpaired/resources/table.def"
