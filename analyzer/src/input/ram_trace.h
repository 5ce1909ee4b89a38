// From the tables and block headers of a device to its ledger.
#pragma once

#include "input/block_headers.h"
#include "input/firmware_elf.h"
#include "input/ram_tables.h"
#include "input/remains.h"

namespace unpaired {

/// A RAM image is of one program: all of its trace has this image.
constexpr uint16_t ram_image_id = 1;

/// Fills sites, slots, counters and anomalies of `remains.trace`, whose dictionary is there, and `remains.blocks`.
/// Stacks are what `elf` confirms. Without `tables` (null) the sites are made up: one for each owner.
void fill_ram_trace(Remains &remains, const FirmwareElf &elf, const RamTables *tables,
                    const BlockHeaders &headers);

} // namespace unpaired
