// What an ELF file says about its bytes: which are data within code, and which places the linker filled in.
#pragma once

#include "input/firmware_elf.h"

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace unpaired {

/// What the bytes from `address` to the next mark are.
struct CodeMark {
    enum class What { arm, thumb, data, code };
    uint64_t address = 0;
    What what = What::code;
};

struct ElfMarks {
    /// By address. Of ARM, AArch64 and RISC-V: the mapping symbols $a $t $d $x ("ELF for the Arm Architecture",
    /// 5.5). Empty where there are none.
    std::vector<CodeMark> marks;
    /// Places that hold an address, from relocations the linker was asked to keep (-q, --emit-relocs).
    std::set<uint64_t> kept_places;
    bool keeps_relocations = false;
    /// Words that the program's start-up code or loader fills in, and with what (static PIE).
    std::vector<std::pair<uint64_t, uint64_t>> run_time_words;
};

ElfMarks read_elf_marks(const FirmwareElf &elf);

} // namespace unpaired
