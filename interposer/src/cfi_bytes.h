// Reading .eh_frame: numbers and pointers as the LSB core specification encodes them.
#pragma once

#include <cstdint>
#include <cstring>

namespace unpaired::cfi {

struct Bytes {
    const uint8_t *at;

    template <class T> T take()
    {
        T value;
        memcpy(&value, at, sizeof value);
        at += sizeof value;
        return value;
    }
    uint64_t uleb()
    {
        uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const uint8_t byte = *at++;
            if (shift < 64)
                value |= uint64_t{byte & 0x7fu} << shift;
            if ((byte & 0x80) == 0)
                return value;
        }
    }
    int64_t sleb()
    {
        uint64_t value = 0;
        unsigned shift = 0;
        uint8_t byte;
        do {
            byte = *at++;
            if (shift < 64)
                value |= uint64_t{byte & 0x7fu} << shift;
            shift += 7;
        } while ((byte & 0x80) != 0);
        if (shift < 64 && (byte & 0x40) != 0)
            value |= ~uint64_t{0} << shift;
        return static_cast<int64_t>(value);
    }
    /// A pointer in one of the encodings of the LSB (DW_EH_PE_*); `data` is the base of datarel.
    uint64_t pointer(uint8_t encoding, uint64_t data)
    {
        constexpr uint8_t omitted = 0xff;
        if (encoding == omitted)
            return 0;
        const auto here = reinterpret_cast<uint64_t>(at);
        uint64_t value = 0;
        switch (encoding & 0x0f) {
        case 0x00:
        case 0x04:
        case 0x0c:
            value = take<uint64_t>();
            break;
        case 0x01:
            value = uleb();
            break;
        case 0x02:
            value = take<uint16_t>();
            break;
        case 0x03:
            value = take<uint32_t>();
            break;
        case 0x09:
            value = static_cast<uint64_t>(sleb());
            break;
        case 0x0a:
            value = static_cast<uint64_t>(int64_t{take<int16_t>()});
            break;
        case 0x0b:
            value = static_cast<uint64_t>(int64_t{take<int32_t>()});
            break;
        default:
            return 0;
        }
        if (value == 0)
            return 0;
        if ((encoding & 0x70) == 0x10)
            value += here;
        else if ((encoding & 0x70) == 0x30)
            value += data;
        if ((encoding & 0x80) != 0)
            memcpy(&value, reinterpret_cast<const void *>(value), sizeof value);
        return value;
    }
};

/// Whether LLVM's libunwind knows every operation of a DWARF expression. It prints and aborts at one that it does not.
inline bool libunwind_evaluates(const uint8_t *expression, uint64_t size)
{
#if defined(__x86_64__)
    constexpr uint64_t registers = 17;
#else
    constexpr uint64_t registers = 32;
#endif
    Bytes in{expression};
    const uint8_t *end = expression + size;
    while (in.at < end) {
        const uint8_t op = in.take<uint8_t>();
        if (op >= 0x30 && op <= 0x4f) {        // lit0 …
        } else if (op >= 0x50 && op <= 0x6f) { // reg0 …
            if (op - 0x50u >= registers)
                return false;
        } else if (op >= 0x70 && op <= 0x8f) { // breg0 …
            if (op - 0x70u >= registers)
                return false;
            in.sleb();
        } else if (op == 0x03 || op == 0x0e || op == 0x0f) { // addr, const8u, const8s
            in.at += 8;
        } else if (op == 0x0c || op == 0x0d) { // const4u, const4s
            in.at += 4;
        } else if (op == 0x0a || op == 0x0b || op == 0x28 || op == 0x2f) { // const2u, const2s, bra, skip
            in.at += 2;
        } else if (op == 0x08 || op == 0x09 || op == 0x15) { // const1u, const1s, pick
            in.at += 1;
        } else if (op == 0x10 || op == 0x11 || op == 0x23) { // constu, consts, plus_uconst
            in.uleb();
        } else if (op == 0x90 || op == 0x92) { // regx, bregx
            if (in.uleb() >= registers)
                return false;
            if (op == 0x92)
                in.sleb();
        } else if (op == 0x94) { // deref_size
            const uint8_t bytes = in.take<uint8_t>();
            if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
                return false;
        } else if (op != 0x06 && op != 0x12 && op != 0x13 && op != 0x14 && op != 0x16 && op != 0x17 &&
                   !(op >= 0x19 && op <= 0x22) && !(op >= 0x24 && op <= 0x27) &&
                   !(op >= 0x29 && op <= 0x2e)) {
            return false; // deref, dup, drop, over, swap, rot, arithmetic and comparisons it knows
        }
    }
    return in.at == end;
}

} // namespace unpaired::cfi
