#include "input/disassembly.h"

#include <capstone/capstone.h>

#include <array>
#include <cstddef>
#include <elf.h>
#include <fmt/format.h>
#include <optional>
#include <type_traits>

namespace unpaired {
namespace {

/// One half of an address in a register, and the instruction that put it there. The other half follows within a
/// few instructions, or it is none.
struct HalfAddress {
    uint64_t value = 0;
    unsigned age = 0; ///< instructions since, plus one; 0: nothing there
};
constexpr unsigned oldest_half = 8;

/// What the registers hold of addresses that code builds in two steps.
class Halves {
public:
    void put(unsigned reg, uint64_t value) { slot(reg) = {value, 1}; }
    std::optional<uint64_t> take(unsigned reg)
    {
        HalfAddress &half = slot(reg);
        if (half.age == 0)
            return std::nullopt;
        half.age = 0;
        return half.value;
    }
    void next_instruction()
    {
        for (HalfAddress &half : halves_)
            if (half.age != 0 && ++half.age > oldest_half)
                half.age = 0;
    }

private:
    HalfAddress &slot(unsigned reg) { return halves_[reg % halves_.size()]; }
    std::array<HalfAddress, 512> halves_; // capstone numbers a machine's registers below that
};

class Reader {
public:
    Reader(const FirmwareElf &elf, const ReferenceFound &found) : elf_(elf), found_(found) {}

    void instruction(const cs_insn &insn)
    {
        switch (elf_.machine) {
        case EM_ARM:
            arm(insn);
            break;
        case EM_AARCH64:
            aarch64(insn);
            break;
        default:
            x86(insn);
            break;
        }
        halves_.next_instruction();
    }

private:
    void report(const cs_insn &insn, uint64_t target, ReferenceKind kind, bool in_memory = false)
    {
        if (elf_.address_size == 4)
            target &= UINT32_MAX;
        found_({insn.address, target, kind, insn.size, in_memory});
    }

    void arm(const cs_insn &insn)
    {
        const cs_arm &detail = insn.detail->arm;
        const auto immediate = [&](unsigned i) {
            return i < detail.op_count && detail.operands[i].type == ARM_OP_IMM;
        };
        switch (insn.id) {
        case ARM_INS_BL:
        case ARM_INS_BLX:
            if (immediate(0))
                report(insn, static_cast<uint32_t>(detail.operands[0].imm), ReferenceKind::call);
            break;
        case ARM_INS_B:
            if (immediate(0))
                report(insn, static_cast<uint32_t>(detail.operands[0].imm), ReferenceKind::jump);
            break;
        case ARM_INS_MOVW:
            if (immediate(1))
                halves_.put(detail.operands[0].reg, static_cast<uint16_t>(detail.operands[1].imm));
            break;
        case ARM_INS_MOVT:
            if (immediate(1))
                if (const auto low = halves_.take(detail.operands[0].reg))
                    built(insn, *low | uint64_t{static_cast<uint16_t>(detail.operands[1].imm)} << 16);
            break;
        default:
            break;
        }
    }

    /// A function pointer of ARM has the Thumb bit of its function.
    void built(const cs_insn &insn, uint64_t address)
    {
        report(insn, elf_.machine == EM_ARM ? address & ~uint64_t{1} : address, ReferenceKind::address);
    }

    void aarch64(const cs_insn &insn)
    {
        const cs_arm64 &detail = insn.detail->arm64;
        const auto immediate = [&](unsigned i) {
            return i < detail.op_count && detail.operands[i].type == ARM64_OP_IMM;
        };
        switch (insn.id) {
        case ARM64_INS_BL:
            if (immediate(0))
                report(insn, static_cast<uint64_t>(detail.operands[0].imm), ReferenceKind::call);
            break;
        case ARM64_INS_B:
            if (immediate(0))
                report(insn, static_cast<uint64_t>(detail.operands[0].imm), ReferenceKind::jump);
            break;
        case ARM64_INS_ADR:
            if (immediate(1))
                built(insn, static_cast<uint64_t>(detail.operands[1].imm));
            break;
        case ARM64_INS_ADRP:
            if (immediate(1))
                halves_.put(detail.operands[0].reg, static_cast<uint64_t>(detail.operands[1].imm));
            break;
        case ARM64_INS_ADD:
            if (immediate(2) && detail.operands[1].type == ARM64_OP_REG)
                if (const auto page = halves_.take(detail.operands[1].reg))
                    built(insn, *page + static_cast<uint64_t>(detail.operands[2].imm));
            break;
        default:
            break;
        }
    }

    void x86(const cs_insn &insn)
    {
        const cs_x86 &detail = insn.detail->x86;
        const ReferenceKind kind = insn.id == X86_INS_CALL ? ReferenceKind::call
                                   : is_jump(insn)         ? ReferenceKind::jump
                                                           : ReferenceKind::address;
        for (unsigned i = 0; i < detail.op_count; i++) {
            const cs_x86_op &operand = detail.operands[i];
            if (operand.type == X86_OP_IMM)
                report(insn, static_cast<uint64_t>(operand.imm), kind);
            if (operand.type != X86_OP_MEM || operand.mem.base != X86_REG_RIP)
                continue;
            const uint64_t there = insn.address + insn.size + static_cast<uint64_t>(operand.mem.disp);
            if (insn.id == X86_INS_LEA)
                built(insn, there);
            else
                report(insn, there, kind, true);
        }
    }

    static bool is_jump(const cs_insn &insn)
    {
        for (unsigned i = 0; i < insn.detail->groups_count; i++)
            if (insn.detail->groups[i] == CS_GRP_JUMP)
                return true;
        return false;
    }

    const FirmwareElf &elf_;
    const ReferenceFound &found_;
    Halves halves_;
};

/// Capstone's handle; closed at the end.
class Capstone {
public:
    Capstone(const FirmwareElf &elf, bool thumb)
    {
        cs_arch arch = CS_ARCH_X86;
        unsigned mode = elf.address_size == 8 ? CS_MODE_64 : CS_MODE_32;
        if (elf.machine == EM_ARM) {
            arch = CS_ARCH_ARM;
            mode = thumb ? CS_MODE_THUMB : CS_MODE_ARM;
        } else if (elf.machine == EM_AARCH64) {
            arch = CS_ARCH_ARM64;
            mode = CS_MODE_ARM;
        }
        if (cs_open(arch, static_cast<cs_mode>(mode), &handle_) != CS_ERR_OK)
            throw InputError(
                fmt::format("{}: the installed capstone cannot disassemble this machine", elf.path));
        cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
        instruction_ = cs_malloc(handle_);
    }
    ~Capstone()
    {
        cs_free(instruction_, 1);
        cs_close(&handle_);
    }
    Capstone(const Capstone &) = delete;
    Capstone &operator=(const Capstone &) = delete;

    /// The instruction at `bytes`, or null if they are none; moves all three behind it.
    const cs_insn *next(const uint8_t *&bytes, size_t &size, uint64_t &address)
    {
        return cs_disasm_iter(handle_, &bytes, &size, &address, instruction_) ? instruction_ : nullptr;
    }

private:
    csh handle_ = 0;
    cs_insn *instruction_ = nullptr;
};

} // namespace

void disassemble(const FirmwareElf &elf, const CodeStretch &code, const ReferenceFound &found)
{
    Capstone capstone(elf, code.thumb);
    Reader reader(elf, found);
    const size_t unit = elf.machine == EM_ARM ? (code.thumb ? 2 : 4) : elf.machine == EM_AARCH64 ? 4 : 1;
    const uint8_t *bytes = code.bytes.data();
    size_t size = code.bytes.size();
    uint64_t address = code.address;
    while (size >= unit) {
        if (const cs_insn *insn = capstone.next(bytes, size, address)) {
            reader.instruction(*insn);
        } else { // data in code, or an instruction newer than capstone
            bytes += unit;
            size -= unit;
            address += unit;
        }
    }
}

} // namespace unpaired
