// A reader of .eh_frame for the frames compilers make: DWARF 5 §6.4 call frame instructions in the format of the
// LSB core specification ("Exception Frames"). What the rules of a processor cannot express is `unknown`.
#include "unwind_rules.h"

#if defined(__x86_64__) || defined(__aarch64__)

#include "cfi_bytes.h"
#include "libc.h"
#if defined(__x86_64__)
#include "cfi_x86_64.h"
#else
#include "cfi_aarch64.h"
#endif

#include <cstring>
#include <dlfcn.h>

namespace unpaired::cfi {
namespace {

struct Cie {
    uint64_t code_factor = 0;
    int64_t data_factor = 0;
    uint8_t encoding = 0;
    bool signal = false, augmented = false, personality = false;
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
        else if (*a == 'P') {
            in.pointer(in.take<uint8_t>() & 0x7f, 0);
            out.personality = true;
        } else if (*a == 'S')
            out.signal = true; // aarch64's B, how addresses are signed, has no data
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
                *r = initial.at_start(low);
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
                *r = initial.at_start(reg);
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
        case 0x10: { // expression: only "saved where the frame pointer points" is understood
            reg = in.uleb();
            const uint64_t size = in.uleb();
            const bool at_bp =
                reg == frame_pointer && size == 2 && in.at[0] == base_frame_pointer && in.at[1] == 0;
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
            if (op != says_signed)
                return false;
        }
    }
    return true;
}

} // namespace

Known object_at(uint64_t pc, Object &object)
{
    const auto find_object = libc::functions().dl_find_object;
    if (find_object == nullptr)
        return Known::by_nobody;
    struct dl_find_object found;
    if (find_object(reinterpret_cast<void *>(pc), &found) != 0)
        return Known::no;
    object = {found.dlfo_map_start, found.dlfo_map_end, static_cast<const uint8_t *>(found.dlfo_eh_frame), 0};
    if (object.tables != nullptr)
        memcpy(&object.frames, object.tables + 4, sizeof object.frames);
    return Known::yes;
}

namespace {

enum class Tables : uint8_t { found, none, not_understood };

/// Finds the frame description entry for the code at `pc` in an .eh_frame_hdr: version 1, then a table of (start,
/// entry), sorted by start, as 32-bit offsets from the header.
Tables find_entry(const uint8_t *header, uint64_t pc, const uint8_t *&found)
{
    constexpr uint8_t datarel_sdata4 = 0x3b;
    if (header[0] != 1 || header[3] != datarel_sdata4)
        return Tables::not_understood;
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
        return Tables::none;
    found = header + entry(low - 1, 1);
    return Tables::found;
}

/// Reads the common information entry that a frame description entry refers to.
bool read_cie_of(const uint8_t *fde, Cie &cie)
{
    uint32_t length, to_cie;
    memcpy(&length, fde, 4);
    memcpy(&to_cie, fde + 4, 4);
    return length != 0xffffffffu && read_cie(fde + 4 - to_cie, cie);
}

} // namespace

bool has_no_handlers(uint64_t return_address)
{
    Object object;
    const uint8_t *fde;
    Cie cie;
    return object_at(return_address - 1, object) == Known::yes && object.tables != nullptr &&
           find_entry(object.tables, return_address - 1, fde) == Tables::found && read_cie_of(fde, cie) &&
           !cie.personality;
}

Rule read_rule(uint64_t return_address)
{
    const Rule unknown{0, 0, Kind::unknown, 0};
    const uint64_t pc = return_address - 1;
#if defined(__aarch64__)
    if (is_signal_return(return_address))
        return {0, 0, Kind::signal, 0};
#endif
    Object object;
    const Known known = object_at(pc, object);
    if (known == Known::by_nobody)
        return unknown;
    if (known == Known::no || object.tables == nullptr)
        return {0, 0, Kind::no_code, 0}; // generated at run time, or without tables: the walk ends here

    const uint8_t *fde;
    const Tables tables = find_entry(object.tables, pc, fde);
    if (tables == Tables::not_understood)
        return unknown;
    if (tables == Tables::none)
        return {0, 0, Kind::no_code, 0};
    uint32_t length;
    memcpy(&length, fde, 4);
    Cie cie;
    if (!read_cie_of(fde, cie))
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
    initial.ra = return_address_at_entry;
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
