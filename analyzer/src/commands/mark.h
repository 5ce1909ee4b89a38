// Beginning a cycle from outside.
#pragma once

#include "commands/live_trace.h"
#include "input/model.h"

#include <cstdint>
#include <string>

namespace unpaired {

/// What is wrong with a cycle's name, "" if nothing: it is a line of text, and not too long for the trace.
std::string mark_name_problem(const std::string &name);

/// Begins a cycle called `name`, and notes what the kernel has open in each process that records into `live`.
/// `trace` is what was read of it, with running_pids set and not empty. Returns the cycle's number.
uint32_t begin_cycle(LiveTrace &live, const Trace &trace, const std::string &name);

} // namespace unpaired
