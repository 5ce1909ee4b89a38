// What the kernel has open in a process, as records of its trace.
#pragma once

#include "commands/live_trace.h"
#include "input/model.h"

#include <cstdint>

namespace unpaired {

/// Adds what the kernel has open in `image` to the records. Nothing if it may not be looked at.
void add_descriptors(LogRecords &records, const Image &image, uint32_t time_ms, uint32_t cycle);

} // namespace unpaired
