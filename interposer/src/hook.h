// How a hook is written: under a C++ name of its own, with the real function's name as its symbol. So its type need
// not agree with the system headers' (noexcept, nonnull, fortified, variadic), and it can be defined at all.
#pragma once

#include "real.h"
#include "recorder.h"
#include "thread_number.h"

namespace unpaired {
inline int *errno_of_program() { return has_own_storage() ? &errno : errno_by_register(); }
} // namespace unpaired
#undef errno
#define errno (*::unpaired::errno_of_program())

#define UNPAIRED_HOOK(type, function, parameters)                  \
    extern "C" type hook_##function parameters __asm__(#function); \
    extern "C" __attribute__((visibility("default"))) type hook_##function parameters
