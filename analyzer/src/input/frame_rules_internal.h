// What a function's frame looks like at one of its instructions, from .debug_frame or .eh_frame.
#pragma once

#include "input/firmware_elf.h"

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace unpaired {

/// In words of the machine. "CFA" is the value of the stack pointer before the function was called.
struct FrameRule {
    std::optional<int64_t> cfa_above_sp; ///< CFA − stack pointer; nothing: by another register
    std::optional<int64_t> ra_above_cfa; ///< where the return address stands; nothing: not on the stack
};

class FrameRules {
public:
    explicit FrameRules(const FirmwareElf &elf);

    /// The rule at `address`; nothing where the file has none.
    std::optional<FrameRule> at(uint64_t address) const;

private:
    void hide_discarded();
    std::optional<FrameRule> read(Dwarf_CFI *cfi, uint64_t address) const;

    struct Ends {
        void operator()(Elf *elf) const { elf_end(elf); }
        void operator()(Dwarf *dwarf) const { dwarf_end(dwarf); }
        void operator()(Dwarf_CFI *cfi) const { dwarf_cfi_end(cfi); }
    };
    const FirmwareElf &elf_;
    std::vector<uint8_t> bytes_;        // the file, with what hide_discarded() changed
    std::unique_ptr<Elf, Ends> handle_; // before what is read through it
    std::unique_ptr<Dwarf, Ends> dwarf_;
    std::unique_ptr<Dwarf_CFI, Ends> eh_frame_;
    Dwarf_CFI *debug_frame_ = nullptr; // belongs to dwarf_
};

} // namespace unpaired
