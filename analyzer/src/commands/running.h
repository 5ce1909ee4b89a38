// Which processes are recording into a trace now.
#pragma once

#include "input/model.h"

#include <cstdint>
#include <string>
#include <vector>

namespace unpaired {

/// Whether process `pid` lives and has the file at `path` mapped. False where /proc does not let us look.
bool maps_file(uint32_t pid, const std::string &path);

/// The pids among the trace's images whose processes live and still map the file at `path`.
std::vector<uint32_t> running_pids(const Trace &trace, const std::string &path);

/// The trace that process `pid` records into, found among its mappings. Throws Trouble if the process is not
/// there, may not be looked at, or records nothing.
std::string trace_of_process(uint32_t pid);

} // namespace unpaired
