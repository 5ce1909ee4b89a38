// Reads the kernel's clocks. Calls the vDSO's clock_gettime(2) directly: the program may define a clock_gettime of
// its own, as simulators and libfaketime do.
#pragma once

#include <cstdint>
#include <time.h>

namespace unpaired {

timespec read_clock(clockid_t clock);

inline uint64_t clock_ms(clockid_t clock)
{
    const timespec now = read_clock(clock);
    return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

} // namespace unpaired
