// From a firmware's stream to a Trace.
#pragma once

#include "input/firmware_elf.h"
#include "input/input_error.h"
#include "input/model.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace unpaired {

/// Reads the stream at `path` (stream_format.h; raw or zstd-compressed): a Trace for each run of the device,
/// earliest first, each with one image. A capture may begin and end anywhere, be damaged, or hold other output
/// between the records; what is missing is told in Trace::damage and counted in Trace::events_lost. What was
/// acquired before the capture began is not in it, and its release is no anomaly. Memory grows with what is
/// live, with the distinct addresses and call sites, not with the file.
/// With `cycle_function` each successful call of that function begins a cycle, and the device's marks do not.
/// Throws InputError if the file is unreadable, holds no stream, or was not made by this firmware: the build-ids
/// differ, or its return addresses follow no call there.
std::vector<Trace> read_stream(const std::string &path, const FirmwareElf &elf,
                               const std::string &cycle_function = "");

/// The same for bytes in memory; `name` stands in messages and in Trace::path.
std::vector<Trace> read_stream(std::span<const uint8_t> bytes, const std::string &name,
                               const FirmwareElf &elf, const std::string &cycle_function = "");

/// Whether the file at `path` holds a record of a stream. Throws InputError if it is unreadable.
bool holds_stream(const std::string &path);

} // namespace unpaired
