// The tables a firmware can choose, and the functions each makes the linker wrap.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

struct WrapFamily {
    std::string_view name;                   ///< as users say it: "lwip"
    std::string_view definition;             ///< as the compiler is told: "UNPAIRED_TABLE_LWIP"
    std::vector<std::string_view> functions; ///< in the table's order, no name twice
};

/// Those this build's table has, in the order of unpaired/config.h.
const std::vector<WrapFamily> &wrap_families();

/// The family called so; null if there is none. The heaps may be called by their C library alone.
const WrapFamily *find_wrap_family(std::string_view name);

} // namespace unpaired
