// From the RAM image of a device, dead or alive, to what is left in it.
#pragma once

#include "input/firmware_elf.h"
#include "input/remains.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace unpaired {

struct RamFile {
    std::string path;
    std::optional<uint64_t> base; ///< address of its first byte; told from the root block where it is missing
};

/// What a RAM image alone does not tell.
struct RamHints {
    std::optional<uint64_t> stack_pointer; ///< when the device died
};

/// Reads the image: the root block with its tables, and every live block by the header before it; without a root
/// block the headers alone (owners and sizes known, call sites not).
///
/// What a report must know of how far it can be trusted stands in Trace::damage. Throws InputError, one line,
/// where nothing can be told: a file that is not there or empty, neither root block nor headers, a base that is
/// wrong (with the right one), an image of another build than the ELF file.
Remains read_ram(const std::vector<RamFile> &files, const FirmwareElf &elf, const RamHints &hints = {});

} // namespace unpaired
