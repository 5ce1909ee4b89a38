// Which processes are recording into a trace now.
#pragma once

#include "input/model.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// Whether process `pid` lives and has the file at `path` mapped. False where /proc does not let us look.
bool maps_file(uint32_t pid, const std::string &path);

/// The pids among the trace's images whose processes live and still map the file at `path`.
std::vector<uint32_t> running_pids(const Trace &trace, const std::string &path);

/// Notes in the trace read from `path` which of its processes run, and what time it is for them.
void note_running(Trace &trace, const std::string &path);

/// Those of the trace's images that still run, one per process: after a fork and a fork, the youngest.
std::vector<Image> running_images(const Trace &trace);

/// The trace that process `pid` records into, found among its mappings. Throws Trouble if the process is not
/// there, may not be looked at, or records nothing.
std::string trace_of_process(uint32_t pid);

/// The number that `text` is as a whole; nothing if it is none.
std::optional<uint32_t> pid_of_text(std::string_view text);

/// The trace that a user names: by the process that records into it, or as a file. A file that is named like a
/// number needs its folder: ./1234. Throws Trouble as trace_of_process() does.
std::string trace_of_target(const std::string &target);

} // namespace unpaired
