#include "input/frame_rules_internal.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <dwarf.h>
#include <elf.h>
#include <gelf.h>

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

/// The bytes of .debug_frame in a file; none if it has none, or a compressed one.
std::span<uint8_t> debug_frame_of(std::span<uint8_t> file)
{
    const std::unique_ptr<Elf, int (*)(Elf *)> elf(
        elf_memory(reinterpret_cast<char *>(file.data()), file.size()), elf_end);
    size_t names = 0;
    if (!elf || elf_getshdrstrndx(elf.get(), &names) != 0)
        return {};
    for (Elf_Scn *scn = nullptr; (scn = elf_nextscn(elf.get(), scn)) != nullptr;) {
        GElf_Shdr header;
        if (!gelf_getshdr(scn, &header) || (header.sh_flags & SHF_COMPRESSED) != 0)
            continue;
        const char *name = elf_strptr(elf.get(), names, header.sh_name);
        if (name != nullptr && std::strcmp(name, ".debug_frame") == 0 && header.sh_offset <= file.size() &&
            header.sh_size <= file.size() - header.sh_offset)
            return file.subspan(header.sh_offset, header.sh_size);
    }
    return {};
}

} // namespace

FrameRules::FrameRules(const FirmwareElf &elf) : elf_(elf), bytes_(*elf.file)
{
    elf_version(EV_CURRENT);
    hide_discarded();
    handle_.reset(elf_memory(reinterpret_cast<char *>(bytes_.data()), bytes_.size()));
    if (!handle_)
        return;
    dwarf_.reset(dwarf_begin_elf(handle_.get(), DWARF_C_READ, nullptr));
    if (dwarf_)
        debug_frame_ = dwarf_getcfi(dwarf_.get());
    eh_frame_.reset(dwarf_getcfi_elf(handle_.get()));
}

/// The linker leaves the rules of functions that it threw away in .debug_frame, as rules for address 0 and up. A
/// firmware's code may begin there: they are moved to where there is none.
void FrameRules::hide_discarded()
{
    constexpr size_t id_size = 4, length_size = 4;
    constexpr uint32_t cie = 0xffffffff, long_form = 0xfffffff0;
    const std::span<uint8_t> section = debug_frame_of(bytes_);
    const size_t size = elf_.address_size;
    if (elf_.function_at(0) != nullptr)
        return; // there is a function at 0: which rules are its own cannot be told
    for (size_t at = 0; at + length_size + id_size + size <= section.size();) {
        uint32_t length = 0, id = 0;
        std::memcpy(&length, &section[at], sizeof length);
        std::memcpy(&id, &section[at + length_size], sizeof id);
        if (length >= long_form || length < id_size)
            return; // 64-bit DWARF, or damaged
        const auto where = section.subspan(at + length_size + id_size, size);
        const bool nowhere = std::all_of(where.begin(), where.end(), [](uint8_t byte) { return byte == 0; });
        if (id != cie && nowhere)
            std::fill(where.begin(), where.end(), uint8_t{0xff});
        at += length_size + length;
    }
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
