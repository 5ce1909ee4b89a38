// unpaired ctl PID snapshot: who holds what, in a process that runs.
#pragma once

#include "commands/live_trace.h"
#include "input/model.h"

#include <cstdint>
#include <vector>

namespace unpaired {

/// Adds what the kernel has open in `image` to the records. Nothing if it may not be looked at.
void add_descriptors(LogRecords &records, const Image &image, uint32_t time_ms, uint32_t cycle);

/// Looks twice at the memory of each of `images`, processes that record into `live`, which `trace` was read from;
/// writes what it found into the trace and prints a summary. Throws Trouble or InputError, one line, where one of
/// them may not be looked at.
void take_snapshot(LiveTrace &live, const Trace &trace, const std::vector<Image> &images);

} // namespace unpaired
