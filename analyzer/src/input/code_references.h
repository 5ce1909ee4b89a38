// Which places of a linked program lead to which functions: branches, addresses built by code, and words of data.
#pragma once

#include "input/firmware_elf.h"

#include <cstdint>
#include <vector>

namespace unpaired {

enum class ReferenceKind {
    call,    ///< a branch that comes back
    jump,    ///< a branch that does not: a tail call, if it leads to another function
    address, ///< instructions put the address into a register
    word,    ///< a word of data or of a literal pool is the address
};

struct CodeReference {
    uint64_t at = 0;     ///< of the instruction or the word
    uint64_t target = 0; ///< beginning of a function, Thumb bit removed
    ReferenceKind kind = ReferenceKind::call;
    bool operator==(const CodeReference &) const = default;
};

struct CodeReferences {
    std::vector<CodeReference> references; ///< by place
    /// The file keeps its relocations (ld's -q): what merely looks like an address was left out. Without them a
    /// number that happens to be a function's address counts as one.
    bool exact = false;
};

/// All references to beginnings of functions. Words count in loaded sections, aligned to an address's size, and
/// in the literal pools of code; for Thumb functions with the Thumb bit set, since nothing can call them
/// otherwise. Unwind tables and notes are left out. Branches that were relaxed or go through a veneer of the linker
/// lead to where the instruction goes. Conditional branches of RISC-V are not read: compilers do not leave a
/// function by one. Throws InputError where the machine cannot be disassembled.
CodeReferences code_references(const FirmwareElf &elf);

} // namespace unpaired
