// RISC-V user-level specification 20191213: 2.5.1 (JAL, JALR), 2.4.1 (LUI, AUIPC, ADDI), 16.4 (C.J, C.JAL).
#include "input/disassembly.h"

#include <array>
#include <optional>

namespace unpaired {
namespace {

/// The bits of `value` from `low` on, `count` of them, moved to bit `to`.
constexpr uint32_t bits(uint32_t value, unsigned low, unsigned count, unsigned to)
{
    return (value >> low & ((1U << count) - 1)) << to;
}

constexpr int64_t sign_extended(uint32_t value, unsigned width)
{
    const uint32_t sign = 1U << (width - 1);
    return static_cast<int64_t>(value ^ sign) - static_cast<int64_t>(sign);
}

constexpr unsigned oldest_upper = 8; ///< instructions between the two halves of an address

class RiscvReader {
public:
    RiscvReader(const FirmwareElf &elf, const ReferenceFound &found) : elf_(elf), found_(found) {}

    void wide(uint64_t at, uint32_t word)
    {
        const unsigned opcode = word & 0x7f, rd = word >> 7 & 31, rs1 = word >> 15 & 31;
        const int64_t low = sign_extended(word >> 20, 12);
        switch (opcode) {
        case 0x6f: // JAL; x0 as its link register is a jump
            report(at, at + static_cast<uint64_t>(jal_offset(word)), rd == 0);
            break;
        case 0x37: // LUI
            put(rd, static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(word & 0xfffff000U))));
            break;
        case 0x17: // AUIPC
            put(rd,
                at + static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(word & 0xfffff000U))));
            break;
        case 0x67: // JALR
            if (const auto upper = upper_of(rs1); upper && (word >> 12 & 7) == 0)
                report(at, *upper + static_cast<uint64_t>(low), rd == 0);
            break;
        case 0x13: // ADDI
            if (const auto upper = upper_of(rs1); upper && (word >> 12 & 7) == 0)
                found_({at, masked(*upper + static_cast<uint64_t>(low)), ReferenceKind::address, 4});
            break;
        default:
            break;
        }
        count_++;
    }

    void compressed(uint64_t at, uint16_t half)
    {
        const bool jump = (half & 0xe003) == 0xa001; // C.J
        const bool call =
            (half & 0xe003) == 0x2001 && elf_.address_size == 4; // C.JAL; RV64 has C.ADDIW there
        if (jump || call) {
            const uint32_t offset = bits(half, 3, 3, 1) | bits(half, 11, 1, 4) | bits(half, 2, 1, 5) |
                                    bits(half, 7, 1, 6) | bits(half, 6, 1, 7) | bits(half, 9, 2, 8) |
                                    bits(half, 8, 1, 10) | bits(half, 12, 1, 11);
            found_({at, masked(at + static_cast<uint64_t>(sign_extended(offset, 12))),
                    jump ? ReferenceKind::jump : ReferenceKind::call, 2});
        }
        // C.ADDI with the lower half of an address
        const unsigned rd = half >> 7 & 31;
        if ((half & 0xe003) == 0x0001 && rd != 0)
            if (const auto upper = upper_of(rd))
                found_({at,
                        masked(*upper + static_cast<uint64_t>(
                                            sign_extended(bits(half, 2, 5, 0) | bits(half, 12, 1, 5), 6))),
                        ReferenceKind::address, 2});
        if ((half & 0xe003) == 0x6001 && rd != 0 && rd != 2) // C.LUI
            put(rd, static_cast<uint64_t>(sign_extended(bits(half, 2, 5, 0) | bits(half, 12, 1, 5), 6))
                        << 12);
        count_++;
    }

private:
    struct Upper {
        uint64_t value = 0, when = 0; ///< when: number of the instruction plus one; 0: nothing there
    };

    static int64_t jal_offset(uint32_t word)
    {
        return sign_extended(bits(word, 21, 10, 1) | bits(word, 20, 1, 11) | bits(word, 12, 8, 12) |
                                 bits(word, 31, 1, 20),
                             21);
    }
    uint64_t masked(uint64_t address) const
    {
        return elf_.address_size == 4 ? address & UINT32_MAX : address;
    }
    void report(uint64_t at, uint64_t target, bool jump)
    {
        found_({at, masked(target), jump ? ReferenceKind::jump : ReferenceKind::call, 4});
    }
    void put(unsigned reg, uint64_t value) { uppers_[reg] = {value, count_ + 1}; }
    std::optional<uint64_t> upper_of(unsigned reg) const
    {
        const Upper &upper = uppers_[reg];
        if (upper.when == 0 || count_ + 1 - upper.when > oldest_upper)
            return std::nullopt;
        return upper.value;
    }

    const FirmwareElf &elf_;
    const ReferenceFound &found_;
    std::array<Upper, 32> uppers_;
    uint64_t count_ = 0;
};

} // namespace

void disassemble_riscv(const FirmwareElf &elf, const CodeStretch &code, const ReferenceFound &found)
{
    RiscvReader reader(elf, found);
    for (size_t at = 0; at + 2 <= code.bytes.size();) {
        const uint16_t half = static_cast<uint16_t>(code.bytes[at] | code.bytes[at + 1] << 8);
        if ((half & 3) != 3) {
            reader.compressed(code.address + at, half);
            at += 2;
        } else {
            if (at + 4 > code.bytes.size())
                return;
            reader.wide(code.address + at, uint32_t{half} | uint32_t{code.bytes[at + 2]} << 16 |
                                               uint32_t{code.bytes[at + 3]} << 24);
            at += 4;
        }
    }
}

} // namespace unpaired
