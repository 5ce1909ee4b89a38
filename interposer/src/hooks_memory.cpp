// Hooks of calls that limit or lock memory. The reserved and unused part of our mapping is address space: the kernel
// counts it against RLIMIT_AS, and against RLIMIT_MEMLOCK if a program without CAP_IPC_LOCK locks all its memory. No
// call of the program may fail for that, so the hooks unmap the part.
#include "hook.h"

#include "address_space.h"
#include "program_memory.h"

#include <sys/mman.h>
#include <sys/resource.h>

using namespace unpaired;

UNPAIRED_HOOK(int, mlockall, (int flags))
{
    constexpr uint64_t reserve = 1u << 20; // locked memory: its limit may be low
    const int before = errno;
    int ret = UNPAIRED_REAL(mlockall)(flags);
    if (ret == -1 && errno == ENOMEM && is_recording() && give_back_address_space(reserve)) {
        errno = before;
        ret = UNPAIRED_REAL(mlockall)(flags);
    }
    return ret;
}

// rlimit and rlimit64 are the same on processors of 64 bits.
UNPAIRED_HOOK(int, setrlimit, (int resource, const rlimit *limit))
{
    before_limit(stack_pointer(), 0, resource, limit);
    return UNPAIRED_REAL(setrlimit)(resource, limit);
}

UNPAIRED_HOOK(int, setrlimit64, (int resource, const rlimit *limit))
{
    before_limit(stack_pointer(), 0, resource, limit);
    return UNPAIRED_REAL(setrlimit64)(resource, limit);
}

UNPAIRED_HOOK(int, prlimit, (int pid, int resource, const rlimit *limit, rlimit *before))
{
    before_limit(stack_pointer(), pid, resource, limit);
    return UNPAIRED_REAL(prlimit)(pid, resource, limit, before);
}

UNPAIRED_HOOK(int, prlimit64, (int pid, int resource, const rlimit *limit, rlimit *before))
{
    before_limit(stack_pointer(), pid, resource, limit);
    return UNPAIRED_REAL(prlimit64)(pid, resource, limit, before);
}
