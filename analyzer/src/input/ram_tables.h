// The tables of the firmware recorder in a memory image (ram_image.h), decoded and validated.
#pragma once

#include "input/memory_image.h"
#include "input/stack_confirm.h"
#include "unpaired/ram_image.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace unpaired {

struct RamSite {
    uint16_t number = 0;
    uint32_t owner = 0;
    uint8_t function = 0, family = 0, owner_source = 0;
    uint32_t acquired = 0, live = 0;
    std::vector<ScanWord> words; ///< what the stack scan found
};

struct RamHandle {
    uint64_t handle = 0;
    uint16_t site = 0; ///< UNPAIRED_RAM_NO_SITE: found no room
    uint32_t sequence = 0;
    uint8_t observed = 0, failed = 0, space = 0;
};

struct RamAnomaly {
    uint8_t kind = 0, function = 0, observed = 0, space = 0;
    uint64_t place = 0; ///< return address
    uint16_t acquire_site = 0;
    int16_t result = 0;
    uint32_t count = 0;
};

struct RamTables {
    uint64_t address = 0; ///< of the root
    uint64_t end = 0;     ///< behind the last table
    unsigned address_size = 4;
    uint16_t site_room = 0; ///< entries of the site table: no site has a higher number
    unsigned frames = 0;    ///< words that a site has room for
    uint32_t sequence = 0, time_ms = 0, cycle = 0, marks_stride = 1;
    uint32_t drops[UNPAIRED_RAM_DROPS] = {};
    uint64_t text_low = 0, text_high = 0, build_id = 0;
    std::vector<RamSite> sites; ///< those in use
    std::vector<RamHandle> handles;
    std::vector<RamAnomaly> anomalies;
    std::vector<uint32_t> marks;     ///< sequence numbers at which cycles stride, 2 * stride, ... began
    std::vector<std::string> damage; ///< sentences: tables that lie outside the image, entries without sense
};

/// The offsets in `bytes` where a root block begins whose fields make sense; decoys that only have the magic are
/// left out.
std::vector<uint64_t> find_roots(const Bytes &bytes);

/// Decodes the root at `address` and its tables. Nothing if there is no root that makes sense.
std::optional<RamTables> read_ram_tables(const MemoryImage &memory, uint64_t address);

/// The cycle in which the acquisition number `sequence` was made, between marks told by interpolation.
uint32_t cycle_of(const RamTables &tables, uint32_t sequence);

} // namespace unpaired
