// Where symbols are looked for; shared by the symboliser and the compiler of owner rules.
#pragma once

#include <string>
#include <vector>

namespace unpaired {

struct SymbolOptions {
    std::string sysroot;                  ///< put before the paths of modules; "" for the running system
    std::vector<std::string> debug_paths; ///< searched like /usr/lib/debug, before it
    bool debuginfod = false;              ///< ask the servers of $DEBUGINFOD_URLS; otherwise never contacted
};

} // namespace unpaired
