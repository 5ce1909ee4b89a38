// Instruction by instruction: where code branches to and which addresses it builds. One reader a machine.
#pragma once

#include "input/code_references.h"

#include <cstdint>
#include <functional>
#include <span>

namespace unpaired {

/// A stretch of code of one instruction set.
struct CodeStretch {
    uint64_t address = 0;
    std::span<const uint8_t> bytes;
    bool thumb = false;
};

/// A branch, or an address that instructions build.
struct FoundReference {
    uint64_t at = 0;
    uint64_t target = 0; ///< Thumb bit removed
    ReferenceKind kind = ReferenceKind::call;
    unsigned length = 0;    ///< of the instruction: a relocation of it stands inside
    bool in_memory = false; ///< `target` is where the address is stored, in a table such as .got
};
using ReferenceFound = std::function<void(const FoundReference &)>;

/// ARM and Thumb, AArch64, x86, x86-64, by capstone. Throws InputError if capstone lacks the machine.
void disassemble(const FirmwareElf &elf, const CodeStretch &code, const ReferenceFound &found);

/// RISC-V, RV32 and RV64 with compressed instructions; capstone 4 (Debian 12's) does not know it.
void disassemble_riscv(const FirmwareElf &elf, const CodeStretch &code, const ReferenceFound &found);

} // namespace unpaired
