// A reader of .eh_frame for the frames compilers make: DWARF 5 §6.4 call frame instructions in the format of the
// LSB core specification ("Exception Frames"), x86-64 register numbers of the psABI (6 rbp, 7 rsp, 16 return
// address). What it cannot express is `unknown`.
#include "unwind_rules.h"

#include "cfi_bytes.h"

#if defined(__x86_64__)

#include <cstring>
#include <dlfcn.h>

// glibc ≥ 2.35; asynchronous-signal-safe and lock-free. Weak: on an older one every rule is unknown.
extern "C" int _dl_find_object(void *address, struct dl_find_object *result) noexcept __attribute__((weak));

namespace unpaired::cfi {
namespace {

constexpr unsigned rbp = 6, rsp = 7, return_column = 16;

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

    Register *find(uint64_t number) { return number == rbp ? &bp : number == return_column ? &ra : nullptr; }
    void set(uint64_t number, Saved saved, int64_t offset = 0)
    {
        if (Register *r = find(number))
            *r = {saved, offset};
    }
};
struct Cie {
    uint64_t code_factor = 0;
    int64_t data_factor = 0;
    uint8_t encoding = 0;
    bool signal = false, augmented = false;
    const uint8_t *instructions = nullptr, *end = nullptr;
};

bool read_cie(const uint8_t *cie, Cie &out)
{
    uint32_t length;
    memcpy(&length, cie, 4);
    if (length == 0xffffffffu)
        return false;
    out.end = cie + 4 + length;
    const auto *augmentation = reinterpret_cast<const char *>(cie + 9);
    Bytes in{cie + 9 + strlen(augmentation) + 1};
    out.code_factor = in.uleb();
    out.data_factor = in.sleb();
    if (in.uleb() != return_column)
        return false;
    if (augmentation[0] == '\0') {
        out.instructions = in.at;
        return true;
    }
    if (augmentation[0] != 'z')
        return false;
    out.augmented = true;
    const uint64_t size = in.uleb();
    out.instructions = in.at + size;
    for (const char *a = augmentation + 1; *a != '\0'; a++) {
        if (*a == 'R')
            out.encoding = in.take<uint8_t>();
        else if (*a == 'L')
            in.take<uint8_t>();
        else if (*a == 'P')
            in.pointer(in.take<uint8_t>() & 0x7f, 0);
        else if (*a == 'S')
            out.signal = true;
    }
    return true;
}

/// Runs call frame instructions up to `pc`; false at one that cannot be followed.
bool run(const uint8_t *from, const uint8_t *end, uint64_t location, uint64_t pc, const Cie &cie, Row &row,
         const Row &initial)
{
    constexpr unsigned deepest = 8;
    Row kept[deepest];
    unsigned depth = 0;
    Bytes in{from};
    while (in.at < end && location <= pc) {
        const uint8_t op = in.take<uint8_t>();
        const uint8_t low = op & 0x3f;
        switch (op >> 6) {
        case 1:
            location += low * cie.code_factor;
            continue; // advance_loc
        case 2:
            row.set(low, Saved::at_offset, static_cast<int64_t>(in.uleb()) * cie.data_factor);
            continue; // offset
        case 3:       // restore
            if (Register *r = row.find(low))
                *r = low == rbp ? initial.bp : initial.ra;
            continue;
        default:
            break;
        }
        uint64_t reg;
        switch (op) {
        case 0x00:
            break; // nop
        case 0x01:
            location = in.pointer(cie.encoding, 0);
            break;
        case 0x02:
            location += in.take<uint8_t>() * cie.code_factor;
            break;
        case 0x03:
            location += in.take<uint16_t>() * cie.code_factor;
            break;
        case 0x04:
            location += in.take<uint32_t>() * cie.code_factor;
            break;
        case 0x05:
            reg = in.uleb();
            row.set(reg, Saved::at_offset, static_cast<int64_t>(in.uleb()) * cie.data_factor);
            break;
        case 0x06:
            reg = in.uleb();
            if (Register *r = row.find(reg))
                *r = reg == rbp ? initial.bp : initial.ra;
            break;
        case 0x07:
            row.set(in.uleb(), Saved::undefined);
            break;
        case 0x08:
            row.set(in.uleb(), Saved::same);
            break;
        case 0x09:
            reg = in.uleb();
            in.uleb();
            row.set(reg, Saved::elsewhere);
            break;
        case 0x0a:
            if (depth == deepest)
                return false;
            kept[depth++] = row;
            break;
        case 0x0b:
            if (depth == 0)
                return false;
            row = kept[--depth];
            break;
        case 0x0c:
            row.cfa_register = in.uleb();
            row.cfa_offset = static_cast<int64_t>(in.uleb());
            row.cfa_expression = nullptr;
            break;
        case 0x0d:
            row.cfa_register = in.uleb();
            break;
        case 0x0e:
            row.cfa_offset = static_cast<int64_t>(in.uleb());
            break;
        case 0x0f: {
            row.cfa_expression = in.at;
            const uint64_t size = in.uleb();
            row.beyond_libunwind |= !libunwind_evaluates(in.at, size);
            in.at += size;
            break;
        }
        case 0x10: { // expression: only DW_OP_breg6 0, "saved where rbp points", is understood
            reg = in.uleb();
            const uint64_t size = in.uleb();
            const bool at_bp = reg == rbp && size == 2 && in.at[0] == 0x76 && in.at[1] == 0;
            row.set(reg, at_bp ? Saved::at_bp : Saved::elsewhere);
            row.beyond_libunwind |= !libunwind_evaluates(in.at, size);
            in.at += size;
            break;
        }
        case 0x11:
            reg = in.uleb();
            row.set(reg, Saved::at_offset, in.sleb() * cie.data_factor);
            break;
        case 0x12:
            row.cfa_register = in.uleb();
            row.cfa_offset = in.sleb() * cie.data_factor;
            row.cfa_expression = nullptr;
            break;
        case 0x13:
            row.cfa_offset = in.sleb() * cie.data_factor;
            break;
        case 0x14:
            reg = in.uleb();
            in.uleb();
            row.set(reg, Saved::elsewhere);
            break;
        case 0x15:
            reg = in.uleb();
            in.sleb();
            row.set(reg, Saved::elsewhere);
            break;
        case 0x16: {
            reg = in.uleb();
            const uint64_t size = in.uleb();
            row.beyond_libunwind |= !libunwind_evaluates(in.at, size);
            in.at += size;
            row.set(reg, Saved::elsewhere);
            break;
        }
        case 0x2e:
            in.uleb();
            break; // GNU_args_size
        default:
            return false;
        }
    }
    return true;
}

Rule rule_of(const Row &row)
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
        if (row.bp.saved != Saved::at_bp || in.take<uint8_t>() != 0x76)
            return unknown;
        const int64_t offset = in.sleb();
        if (in.at + 1 != end || *in.at != 0x06 || offset < INT32_MIN || offset > INT32_MAX)
            return unknown;
        return {static_cast<int32_t>(offset), 0, Kind::realigned, 0};
    }
    if ((row.cfa_register != rbp && row.cfa_register != rsp) || row.cfa_offset < INT32_MIN ||
        row.cfa_offset > INT32_MAX)
        return unknown;
    Rule rule{static_cast<int32_t>(row.cfa_offset), 0,
              row.cfa_register == rsp ? Kind::from_sp : Kind::from_bp, 0};
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

} // namespace

Rule read_rule(uint64_t return_address)
{
    const Rule unknown{0, 0, Kind::unknown, 0};
    const uint64_t pc = return_address - 1;
    if (_dl_find_object == nullptr)
        return unknown;
    struct dl_find_object object;
    if (_dl_find_object(reinterpret_cast<void *>(pc), &object) != 0 || object.dlfo_eh_frame == nullptr)
        return {0, 0, Kind::no_code,
                0}; // generated at run time, or without tables: nobody can go on from here

    // .eh_frame_hdr: version 1, then a table of (start, FDE) sorted by start, as 32-bit offsets from the header.
    const auto *header = static_cast<const uint8_t *>(object.dlfo_eh_frame);
    constexpr uint8_t datarel_sdata4 = 0x3b;
    if (header[0] != 1 || header[3] != datarel_sdata4)
        return unknown;
    Bytes in{header + 4};
    in.pointer(header[1], reinterpret_cast<uint64_t>(header));
    const uint64_t count = in.pointer(header[2], reinterpret_cast<uint64_t>(header));
    const uint8_t *table = in.at;
    const auto entry = [&](uint64_t i, unsigned which) {
        int32_t offset;
        memcpy(&offset, table + 8 * i + 4 * which, sizeof offset);
        return int64_t{offset};
    };
    const int64_t key = static_cast<int64_t>(pc - reinterpret_cast<uint64_t>(header));
    uint64_t low = 0, high = count;
    while (low < high) {
        const uint64_t middle = (low + high) / 2;
        if (entry(middle, 0) <= key)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return {0, 0, Kind::no_code, 0};
    const uint8_t *fde = header + entry(low - 1, 1);
    uint32_t length, to_cie;
    memcpy(&length, fde, 4);
    memcpy(&to_cie, fde + 4, 4);
    Cie cie;
    if (length == 0xffffffffu || !read_cie(fde + 4 - to_cie, cie))
        return unknown;
    Bytes at{fde + 8};
    const uint64_t start = at.pointer(cie.encoding, 0);
    const uint64_t range = at.pointer(cie.encoding & 0x0f, 0);
    if (pc < start || pc - start >= range)
        return {0, 0, Kind::no_code, 0};
    if (cie.augmented) {
        const uint64_t size = at.uleb();
        at.at += size;
    }
    if (cie.signal)
        return {0, 0, Kind::signal, 0};
    Row initial;
    initial.ra = {Saved::at_offset, -8};
    Row row = initial;
    if (!run(cie.instructions, cie.end, 0, 0, cie, row, initial))
        return unknown;
    initial = row;
    if (!run(at.at, fde + 4 + length, start, pc, cie, row, initial))
        return unknown;
    return rule_of(row);
}

} // namespace unpaired::cfi

#endif
