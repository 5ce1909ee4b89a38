// From a file to a Trace.
#pragma once

#include "input/input_error.h"
#include "input/model.h"

#include <cstdint>
#include <span>
#include <string>

namespace unpaired {

/// Whether a trace's log of every event is decoded, if it has one. Without it the counters tell the same, but for what
/// depends on the order between threads.
enum class Events : uint8_t { read, leave };

/// Reads the trace at `path`: raw or zstd-compressed, finished, truncated, damaged, or still being written.
/// What cannot be read is skipped and told in Trace::damage. Memory grows with what is live and with the
/// distinct stacks, not with the file.
/// Throws InputError if the file is unreadable, no trace, or of another major version.
Trace read_trace(const std::string &path, Events events = Events::read);

/// The same for bytes in memory, raw or compressed; `name` stands in messages and in Trace::path.
Trace read_trace(std::span<const uint8_t> bytes, const std::string &name, Events events = Events::read);

/// Whether the bytes begin like a trace (raw), for telling inputs apart. Never throws.
bool looks_like_trace(std::span<const uint8_t> beginning);

} // namespace unpaired
