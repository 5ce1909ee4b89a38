// What the files on a command line are: traces, or streams of a firmware.
#pragma once

#include "input/firmware_elf.h"
#include "input/model.h"

#include <string>
#include <vector>

namespace unpaired {

/// Whether the file begins as a trace does, raw or compressed. Throws InputError if it cannot be read.
bool is_trace(const std::string &path);

/// The runs in a stream, read with the one of the ELF files that it belongs to. Each call of `cycle_function`, if there
/// is one, begins a cycle. Throws InputError.
std::vector<Trace> read_with(const std::vector<FirmwareElf> &firmware, const std::string &stream,
                             const std::string &cycle_function);

/// What is wrong with a stream that comes without --elf.
std::string stream_without_elf(const std::string &path);

} // namespace unpaired
