// Is the instruction before an address a call, and of what? One function for each instruction set.
#include "input/firmware_elf.h"

#include <cstring>
#include <elf.h>

namespace unpaired {
namespace {

/// The bytes right before an address.
class CodeBefore {
public:
    CodeBefore(const FirmwareElf &elf, uint64_t address) : elf_(elf), address_(address) {}

    /// The little-endian number of `size` bytes that begins `distance` bytes before the address.
    std::optional<uint32_t> word(unsigned distance, unsigned size) const
    {
        if (address_ < distance)
            return std::nullopt;
        const std::span<const uint8_t> bytes = elf_.bytes_at(address_ - distance);
        if (bytes.size() < size || !elf_.is_code(address_ - distance))
            return std::nullopt;
        uint32_t value = 0;
        for (unsigned i = 0; i < size; i++)
            value |= uint32_t{bytes[i]} << (8 * i);
        return value;
    }
    uint64_t address() const { return address_; }

    CallInstruction direct(unsigned length, int64_t offset) const
    {
        uint64_t target = address_ - length + static_cast<uint64_t>(offset);
        if (elf_.address_size == 4)
            target &= UINT32_MAX;
        return {address_ - length, target};
    }
    CallInstruction indirect(unsigned length) const { return {address_ - length, std::nullopt}; }

private:
    const FirmwareElf &elf_;
    const uint64_t address_;
};

/// The lower `bits` of `value` as a signed number.
int64_t sign_extended(uint32_t value, unsigned bits)
{
    const uint64_t sign = uint64_t{1} << (bits - 1);
    return static_cast<int64_t>((value & (2 * sign - 1)) ^ sign) - static_cast<int64_t>(sign);
}

/// ARMv7-M architecture reference manual, A7.7.18 (BL), A7.7.19 (BLX register); BLX to ARM code, ARMv7-A A8.8.25.
std::optional<CallInstruction> thumb_call(const CodeBefore &code)
{
    const auto wide = code.word(4, 4);
    if (wide) {
        const uint32_t high = *wide & 0xffff, low = *wide >> 16;
        const bool bl = (low & 0xd000) == 0xd000, blx = (low & 0xd001) == 0xc000;
        if ((high & 0xf800) == 0xf000 && (bl || blx)) {
            const uint32_t s = high >> 10 & 1, j1 = low >> 13 & 1, j2 = low >> 11 & 1;
            const uint32_t i1 = (j1 ^ s) ^ 1, i2 = (j2 ^ s) ^ 1;
            const uint32_t offset = s << 24 | i1 << 23 | i2 << 22 | (high & 0x3ff) << 12 | (low & 0x7ff) << 1;
            // relative to the instruction + 4, that is to the return address; of BLX aligned down to 4
            CallInstruction call = code.direct(4, 4 + sign_extended(offset, 25));
            if (blx)
                *call.target &= ~uint64_t{3};
            return call;
        }
    }
    if (const auto narrow = code.word(2, 2); narrow && (*narrow & 0xff87) == 0x4780)
        return code.indirect(2);
    return std::nullopt;
}

/// ARM ARM, A8.8.25 and A8.8.26.
std::optional<CallInstruction> arm_call(const CodeBefore &code)
{
    const auto word = code.word(4, 4);
    if (!word)
        return std::nullopt;
    const int64_t offset = sign_extended((*word & 0xffffff) << 2, 26);
    if ((*word & 0xfe000000) == 0xfa000000)
        return code.direct(4, 8 + offset + (*word >> 23 & 2));
    if ((*word & 0x0f000000) == 0x0b000000)
        return code.direct(4, 8 + offset);
    if ((*word & 0x0ffffff0) == 0x012fff30)
        return code.indirect(4);
    return std::nullopt;
}

/// RISC-V unprivileged ISA, 2.5 and 16.4 (C extension). Only calls that link to ra: what links to t0 is the
/// save-restore library, which keeps no return address on the stack.
std::optional<CallInstruction> riscv_call(const CodeBefore &code, bool is_32_bit)
{
    constexpr uint32_t ra = 1;
    if (const auto wide = code.word(4, 4); wide && (*wide >> 7 & 31) == ra) {
        if ((*wide & 0x7f) == 0x6f) { // jal
            const uint32_t w = *wide;
            const uint32_t offset =
                (w >> 31) << 20 | (w >> 12 & 0xff) << 12 | (w >> 20 & 1) << 11 | (w >> 21 & 0x3ff) << 1;
            return code.direct(4, sign_extended(offset, 21));
        }
        if ((*wide & 0x707f) == 0x67) { // jalr; with an auipc before it, a call of something far
            const auto before = code.word(8, 4);
            if (before && (*before & 0x7f) == 0x17 && (*before >> 7 & 31) == (*wide >> 15 & 31))
                return code.direct(4, -4 + sign_extended(*before & 0xfffff000, 32) +
                                          sign_extended(*wide >> 20, 12));
            return code.indirect(4);
        }
    }
    if (const auto narrow = code.word(2, 2)) {
        const uint32_t h = *narrow;
        if ((h & 0xf07f) == 0x9002 && (h >> 7 & 31) != 0) // c.jalr
            return code.indirect(2);
        if (is_32_bit && (h & 0xe003) == 0x2001) { // c.jal, of RV32 only
            const uint32_t offset = (h >> 12 & 1) << 11 | (h >> 11 & 1) << 4 | (h >> 9 & 3) << 8 |
                                    (h >> 8 & 1) << 10 | (h >> 7 & 1) << 6 | (h >> 6 & 1) << 7 |
                                    (h >> 3 & 7) << 1 | (h >> 2 & 1) << 5;
            return code.direct(2, sign_extended(offset, 12));
        }
    }
    return std::nullopt;
}

/// Arm ARM for A-profile, C6.2 (BL, BLR, BLRAA and its kin).
std::optional<CallInstruction> aarch64_call(const CodeBefore &code)
{
    const auto word = code.word(4, 4);
    if (!word)
        return std::nullopt;
    if ((*word & 0xfc000000) == 0x94000000)
        return code.direct(4, sign_extended((*word & 0x3ffffff) << 2, 28));
    if ((*word & 0xfffffc1f) == 0xd63f0000 || (*word & 0xfefff800) == 0xd63f0800)
        return code.indirect(4);
    return std::nullopt;
}

/// Intel SDM volume 2A, CALL and 2.1 (ModR/M and SIB bytes).
std::optional<CallInstruction> x86_call(const CodeBefore &code)
{
    if (const auto opcode = code.word(5, 1); opcode && *opcode == 0xe8) // call rel32
        return code.direct(5, 5 + sign_extended(*code.word(4, 4), 32));
    for (unsigned length = 2; length <= 7; length++) { // FF /2, by what its operand needs
        const auto opcode = code.word(length, 1);
        if (!opcode || *opcode != 0xff)
            continue;
        const uint32_t modrm = *code.word(length - 1, 1), mod = modrm >> 6, rm = modrm & 7;
        if ((modrm >> 3 & 7) != 2)
            continue;
        const bool sib = mod != 3 && rm == 4;
        if (sib && length < 3)
            continue;
        const bool no_base = sib ? mod == 0 && (*code.word(length - 2, 1) & 7) == 5 : mod == 0 && rm == 5;
        const unsigned displacement = mod == 1 ? 1 : mod == 2 || no_base ? 4 : 0;
        if (length == 2 + (sib ? 1u : 0u) + displacement)
            return code.indirect(length);
    }
    return std::nullopt;
}

} // namespace

std::optional<CallInstruction> call_before(const FirmwareElf &elf, uint64_t return_address)
{
    switch (elf.machine) {
    case EM_ARM: {
        const CodeBefore code(elf, return_address & ~uint64_t{1});
        const FirmwareSymbol *function = elf.function_at(code.address() - 1);
        return function != nullptr && !function->thumb ? arm_call(code) : thumb_call(code);
    }
    case EM_AARCH64:
        return aarch64_call({elf, return_address});
    case EM_RISCV:
        return riscv_call({elf, return_address}, elf.address_size == 4);
    case EM_386:
    case EM_X86_64:
        return x86_call({elf, return_address});
    default:
        return std::nullopt;
    }
}

} // namespace unpaired
