// The files that `report` and `diff` are given: traces, streams of firmware, saved reports.
#pragma once

#include "input/firmware_elf.h"
#include "input/model.h"
#include "report.h"

#include <string>
#include <vector>

namespace unpaired {

struct Inputs {
    std::vector<Trace> traces;
    std::vector<Report> reports;
    size_t streams = 0; ///< of firmware, among the files
};

/// Reads the firmware's ELF files, as given with --elf. Throws InputError.
std::vector<FirmwareElf> read_firmware(const std::vector<std::string> &paths);

/// Reads files of any kind, each stream with the one of the ELF files that it belongs to. Throws InputError for
/// what cannot be read, Trouble for a stream without its ELF file and for a core. `cycle_function`: see read_stream().
Inputs read_inputs(const std::vector<std::string> &paths, const std::vector<FirmwareElf> &firmware,
                   const std::string &cycle_function = "");

} // namespace unpaired
