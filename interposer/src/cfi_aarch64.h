// aarch64: register numbers of the "DWARF for the Arm 64-bit Architecture", and the rules its frames need. A call leaves the
// return address in x30; a function that calls others saves it, mostly beside the frame pointer.
#pragma once

#include <cstdint>

namespace unpaired::cfi {
inline constexpr uint64_t frame_pointer = 29, stack_pointer = 31, return_column = 30;
inline constexpr uint8_t base_frame_pointer = 0x70 + 29; // DW_OP_breg29
/// DW_CFA_AARCH64_negate_ra_state: the return address is signed from here on. Every one is stripped, signed or not.
inline constexpr uint8_t says_signed = 0x2d;
} // namespace unpaired::cfi

#include "cfi_row.h"
#include "sys.h"

namespace unpaired::cfi {

inline constexpr Register return_address_at_entry{};

/// What Rule::spare says of the return address.
enum Return : uint8_t {
    in_x30 = 0,     ///< only where a signal interrupted
    beside_x29 = 1, ///< one word above the saved frame pointer
    alone = 2,      ///< at CFA + 8 × bp_words, and the frame pointer is unchanged
};

/// mov x8, #__NR_rt_sigreturn; svc #0: the kernel's trampoline has no table that says so, and all unwinders look for these
/// (arch/arm64/kernel/vdso/sigreturn.S). The system call fails for its first argument, after it has read the second's 8
/// bytes or found that it cannot.
inline bool is_signal_return(uint64_t pc)
{
    constexpr long kernel_sigset = 8, no_such_way = 12345, unreadable = -14; // EFAULT
    if (pc % 4 != 0 ||
        sys::call(SYS_rt_sigprocmask, no_such_way, static_cast<long>(pc), 0, kernel_sigset) == unreadable)
        return false;
    uint32_t code[2];
    __builtin_memcpy(code, reinterpret_cast<const void *>(pc), sizeof code);
    return code[0] == 0xd2801168 && code[1] == 0xd4000001;
}

inline Rule rule_of(const Row &row)
{
    const Rule unknown{0, 0, Kind::unknown, 0};
    if (row.beyond_libunwind)
        return {0, 0, Kind::no_code, 0}; // asking it would end the program
    if (row.ra.saved == Saved::undefined)
        return {0, 0, Kind::outermost, 0};
    if (row.cfa_expression != nullptr ||
        (row.cfa_register != frame_pointer && row.cfa_register != stack_pointer) ||
        row.cfa_offset < INT32_MIN || row.cfa_offset > INT32_MAX)
        return unknown;
    Rule rule{static_cast<int32_t>(row.cfa_offset), 0,
              row.cfa_register == stack_pointer ? Kind::from_sp : Kind::from_bp, in_x30};
    if (row.ra.saved == Saved::same)
        return row.bp.saved == Saved::same ? rule : unknown;
    const bool with_bp = row.bp.saved == Saved::at_offset;
    const int64_t at = with_bp ? row.bp.offset : row.ra.offset;
    if (row.ra.saved != Saved::at_offset ||
        (with_bp ? row.ra.offset != at + 8 : row.bp.saved != Saved::same) || at % 8 != 0 ||
        at / 8 < INT16_MIN || at / 8 >= 0)
        return unknown;
    rule.bp_words = static_cast<int16_t>(at / 8);
    rule.spare = with_bp ? beside_x29 : alone;
    return rule;
}

} // namespace unpaired::cfi
