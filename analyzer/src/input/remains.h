// What is left of a dead device or process: the ledger found in its memory, and what reachability is told from.
#pragma once

#include "input/memory_image.h"
#include "input/model.h"

#include <cstdint>
#include <string>
#include <vector>

namespace unpaired {

/// A block of memory that was live.
struct LiveBlock {
    static constexpr uint32_t no_slot = UINT32_MAX;
    uint64_t address = 0, size = 0;
    uint32_t slot = no_slot; ///< index into Trace::slots; no_slot: it only holds others
    /// A pointer to anywhere in it holds it: memory that the program itself hands out in pieces.
    bool any_pointer_holds = false;
    /// Address space that was reserved: that nothing points there does not say it is lost.
    bool reserved = false;
};

enum class RootKind : uint8_t {
    data,  ///< .data, .bss, thread-local storage, memory of no allocator's
    stack, ///< in use, as far as that is known
    stale  ///< may be out of use: below a stack pointer, of a thread that ended, between free blocks
};

/// Memory outside all blocks that may hold pointers to them.
struct Root {
    RootKind kind = RootKind::data;
    uint64_t start = 0, end = 0;
    std::string name; ///< "the stack of thread 12 (worker)", ".bss of server"; for data without a symbol
    uint32_t tid = 0; ///< of a thread's stack, in a process
};

struct Register {
    std::string name; ///< "rbx of thread 12 (worker)"
    uint64_t value = 0;
    uint32_t tid = 0; ///< in a process
};

/// A variable of static storage.
struct DataSymbol {
    uint64_t start = 0, end = 0; ///< end exclusive
    std::string name;
};

struct Remains {
    Trace trace;
    MemoryImage memory;
    unsigned address_size = 8;
    std::vector<LiveBlock> blocks; ///< by ascending address, without overlap
    std::vector<Root> roots;       ///< without overlap, none covers a block
    std::vector<Register> registers;
    std::vector<DataSymbol> symbols; ///< by ascending start
};

} // namespace unpaired
