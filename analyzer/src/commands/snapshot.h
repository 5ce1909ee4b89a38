// unpaired ctl PID snapshot: who holds what, in a process that runs.
#pragma once

#include "commands/live_trace.h"
#include "input/model.h"

#include <vector>

namespace unpaired {

/// Looks twice at the memory of each of `images`, processes that record into `live`, which `trace` was read from;
/// writes what it found into the trace and prints a summary. Throws Trouble or InputError, one line, where one of
/// them may not be looked at.
void take_snapshot(LiveTrace &live, const Trace &trace, const std::vector<Image> &images);

} // namespace unpaired
