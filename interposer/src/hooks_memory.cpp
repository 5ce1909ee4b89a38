// mlockall(2). Without CAP_IPC_LOCK the kernel counts all address space against RLIMIT_MEMLOCK, the reserved and
// unused part of our mapping too, and says ENOMEM where it would have said yes without us. Then that part is given
// back, and the kernel asked again.
#include "hook.h"

#include "mapping.h"

#include <sys/mman.h>

using namespace unpaired;

UNPAIRED_HOOK(int, mlockall, (int flags))
{
    const int before = errno;
    int ret = UNPAIRED_REAL(mlockall)(flags);
    if (ret == -1 && errno == ENOMEM && process.phase == Phase::recording && give_back_address_space()) {
        errno = before;
        ret = UNPAIRED_REAL(mlockall)(flags);
    }
    return ret;
}
