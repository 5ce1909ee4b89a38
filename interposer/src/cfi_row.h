// A row of a call frame table: how the two registers that a walk needs are to be had in the caller. The processor's header
// comes first and says their numbers.
#pragma once

#include "cfi_bytes.h"
#include "unwind_rules.h"

namespace unpaired::cfi {

enum class Saved : uint8_t { same, at_offset, undefined, at_bp, elsewhere };
struct Register {
    Saved saved = Saved::same;
    int64_t offset = 0;
};
struct Row {
    uint64_t cfa_register = 0;
    int64_t cfa_offset = 0;
    const uint8_t *cfa_expression = nullptr;
    bool beyond_libunwind = false; ///< has an expression that it aborts at
    Register bp, ra;

    Register *find(uint64_t number)
    {
        return number == frame_pointer ? &bp : number == return_column ? &ra : nullptr;
    }
    const Register &at_start(uint64_t number) const { return number == frame_pointer ? bp : ra; }
    void set(uint64_t number, Saved saved, int64_t offset = 0)
    {
        if (Register *r = find(number))
            *r = {saved, offset};
    }
};

} // namespace unpaired::cfi
