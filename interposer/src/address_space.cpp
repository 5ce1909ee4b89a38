#include "address_space.h"

#include "mapping.h"
#include "program_memory.h"
#include "recorder.h"

#include <sys/resource.h>

namespace unpaired {

void before_limit(uint64_t sp, int pid, int resource, const void *limit)
{
    constexpr uint64_t most_kept = 64u << 20;
    if (resource != RLIMIT_AS || limit == nullptr)
        return;
    const Thread *thread = enter(sp);
    if (thread == nullptr || in_other_process(*thread) || (pid != 0 && pid != process.pid))
        return;
    const KeepErrno keep;
    rlimit64 wanted;
    if (copy_from_program(reinterpret_cast<uint64_t>(limit), &wanted, sizeof wanted) != sizeof wanted ||
        wanted.rlim_cur == RLIM64_INFINITY)
        return;
    const uint64_t eighth = wanted.rlim_cur / 8;
    give_back_address_space(eighth < most_kept ? eighth : most_kept);
}

bool give_way(size_t bytes)
{
    constexpr uint64_t kept = 256u << 10;
    if (!is_recording() || sys::sealed())
        return false;
    rlimit64 limit{};
    // A request that is larger than the limit also fails in a program that is not recorded.
    return sys::call(SYS_prlimit64, 0, RLIMIT_AS, 0, sys::of(&limit)) == 0 &&
           limit.rlim_cur != RLIM64_INFINITY && bytes < limit.rlim_cur && give_back_address_space(kept);
}

} // namespace unpaired
