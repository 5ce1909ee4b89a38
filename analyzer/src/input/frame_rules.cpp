#include "input/frame_rules_internal.h"

#include <cstdlib>
#include <dwarf.h>
#include <elf.h>

namespace unpaired {
namespace {

/// DWARF's number of the stack pointer, by each machine's ABI.
unsigned stack_pointer_of(uint16_t machine)
{
    switch (machine) {
    case EM_ARM:
        return 13;
    case EM_AARCH64:
        return 31;
    case EM_RISCV:
        return 2;
    case EM_386:
        return 4;
    default:
        return 7; // x86-64
    }
}

/// The offset of a one-operator expression "register + offset", if it is of that register.
std::optional<int64_t> offset_from(const Dwarf_Op *ops, size_t count, unsigned reg)
{
    if (count != 1)
        return std::nullopt;
    if (ops->atom >= DW_OP_breg0 && ops->atom <= DW_OP_breg31 && unsigned{ops->atom} - DW_OP_breg0 == reg)
        return static_cast<int64_t>(ops->number);
    if (ops->atom == DW_OP_bregx && ops->number == reg)
        return static_cast<int64_t>(ops->number2);
    return std::nullopt;
}

} // namespace

FrameRules::FrameRules(const FirmwareElf &elf) : elf_(elf)
{
    elf_version(EV_CURRENT);
    handle_.reset(
        elf_memory(const_cast<char *>(reinterpret_cast<const char *>(elf.file->data())), elf.file->size()));
    if (!handle_)
        return;
    dwarf_.reset(dwarf_begin_elf(handle_.get(), DWARF_C_READ, nullptr));
    if (dwarf_)
        debug_frame_ = dwarf_getcfi(dwarf_.get());
    eh_frame_.reset(dwarf_getcfi_elf(handle_.get()));
}

std::optional<FrameRule> FrameRules::read(Dwarf_CFI *cfi, uint64_t address) const
{
    Dwarf_Frame *found = nullptr;
    if (cfi == nullptr || dwarf_cfi_addrframe(cfi, address, &found) != 0)
        return std::nullopt;
    const std::unique_ptr<Dwarf_Frame, decltype(&std::free)> frame(found, std::free);
    const int64_t word = elf_.address_size;
    FrameRule rule;
    Dwarf_Op *ops = nullptr;
    size_t count = 0;
    if (dwarf_frame_cfa(frame.get(), &ops, &count) == 0)
        if (auto offset = offset_from(ops, count, stack_pointer_of(elf_.machine));
            offset && *offset >= 0 && *offset % word == 0)
            rule.cfa_above_sp = *offset / word;
    const int return_address = dwarf_frame_info(frame.get(), nullptr, nullptr, nullptr);
    Dwarf_Op memory[3];
    if (return_address >= 0 && dwarf_frame_register(frame.get(), return_address, memory, &ops, &count) == 0 &&
        count >= 1 && count <= 2 && ops[0].atom == DW_OP_call_frame_cfa &&
        (count == 1 || ops[1].atom == DW_OP_plus_uconst)) {
        const int64_t offset = count == 1 ? 0 : static_cast<int64_t>(ops[1].number);
        if (offset % word == 0)
            rule.ra_above_cfa = offset / word;
    }
    return rule;
}

std::optional<FrameRule> FrameRules::at(uint64_t address) const
{
    if (auto rule = read(debug_frame_, address))
        return rule;
    return read(eh_frame_.get(), address);
}

} // namespace unpaired
