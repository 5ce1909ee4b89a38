// What is what in a device's RAM: variables, stacks, heap.
#pragma once

#include "input/block_headers.h"
#include "input/firmware_elf.h"
#include "input/remains.h"

#include <cstdint>
#include <optional>

namespace unpaired {

/// Finds the roots of reachability in `remains.memory`, given its blocks: fills `roots` and `symbols`.
///
/// - .data, .bss and what else the ELF file calls writable: data. Not what belongs to unpaired itself
///   (`unpaired_*`), and not the heap: a variable with block headers in it (FreeRTOS's ucHeap), and the memory
///   behind the last section up to where the heap reached. What lies between blocks there holds nothing.
/// - Variables called something with "stack": in use from the lowest pointer into them that stands elsewhere (the
///   saved stack pointer of the task), stale below.
/// - The main stack: in use from `stack_pointer`, if that is known; stale otherwise.
/// - Everything else is stale.
void find_ram_roots(Remains &remains, const FirmwareElf &elf, const BlockHeaders &headers,
                    std::optional<uint64_t> stack_pointer);

} // namespace unpaired
