// x86-64: register numbers of the psABI, and the rules its frames need. A call puts the return address on the stack.
#pragma once

#include <cstdint>

namespace unpaired::cfi {
inline constexpr uint64_t frame_pointer = 6, stack_pointer = 7, return_column = 16; // rbp, rsp
inline constexpr uint8_t base_frame_pointer = 0x76;                                 // DW_OP_breg6
inline constexpr uint8_t says_signed = 0; // nothing does; 0 is a nop
} // namespace unpaired::cfi

#include "cfi_row.h"

namespace unpaired::cfi {

inline constexpr Register return_address_at_entry{Saved::at_offset, -8};

inline Rule rule_of(const Row &row)
{
    const Rule unknown{0, 0, Kind::unknown, 0};
    if (row.beyond_libunwind)
        return {0, 0, Kind::no_code, 0}; // asking it would end the program
    if (row.ra.saved == Saved::undefined)
        return {0, 0, Kind::outermost, 0};
    if (row.ra.saved != Saved::at_offset || row.ra.offset != -8)
        return unknown;
    if (row.cfa_expression !=
        nullptr) { // a realigned stack: DW_OP_breg6 n, DW_OP_deref, and rbp saved at rbp
        Bytes in{row.cfa_expression};
        const uint64_t size = in.uleb();
        const uint8_t *end = in.at + size;
        if (row.bp.saved != Saved::at_bp || in.take<uint8_t>() != base_frame_pointer)
            return unknown;
        const int64_t offset = in.sleb();
        if (in.at + 1 != end || *in.at != 0x06 || offset < INT32_MIN || offset > INT32_MAX)
            return unknown;
        return {static_cast<int32_t>(offset), 0, Kind::realigned, 0};
    }
    if ((row.cfa_register != frame_pointer && row.cfa_register != stack_pointer) ||
        row.cfa_offset < INT32_MIN || row.cfa_offset > INT32_MAX)
        return unknown;
    Rule rule{static_cast<int32_t>(row.cfa_offset), 0,
              row.cfa_register == stack_pointer ? Kind::from_sp : Kind::from_bp, 0};
    if (row.bp.saved == Saved::at_offset) {
        const int64_t words = row.bp.offset / 8;
        if (row.bp.offset % 8 != 0 || words == 0 || words < INT16_MIN || words > INT16_MAX)
            return unknown;
        rule.bp_words = static_cast<int16_t>(words);
    } else if (row.bp.saved != Saved::same) {
        return unknown;
    }
    return rule;
}

} // namespace unpaired::cfi
