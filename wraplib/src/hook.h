/* What the hooks of handles share. C99. */
#ifndef UNPAIRED_HOOK_H
#define UNPAIRED_HOOK_H

#include "firmware_recorder.h"

#include <errno.h> /* rows speak of errno */

/* Declares a hook and the function behind it (ld --wrap), and begins the hook's definition. */
#define UNPAIRED_HOOK(type, function, parameters) \
    type __wrap_##function parameters;            \
    extern type __real_##function parameters;     \
    type __wrap_##function parameters

/* A null pointer is nothing to release; descriptor 0 is. (5: pointer_type_class of GCC's typeclass.h) */
#define UNPAIRED_IS_NOTHING(handle) (__builtin_classify_type(handle) == 5 && (uintptr_t)(handle) == 0)

static inline uint32_t unpaired_outcome(int succeeded, int gone)
{
    const uint32_t outcome = !gone        ? UNPAIRED_OUTCOME_STAYS
                             : !succeeded ? UNPAIRED_OUTCOME_GONE_ERROR
                                          : UNPAIRED_OUTCOME_GONE;
    return outcome << UNPAIRED_OUTCOME_SHIFT;
}

#endif
