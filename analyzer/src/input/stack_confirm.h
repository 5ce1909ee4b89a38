// From what a stack scan found to the stack: which of the words were return addresses of live frames.
#pragma once

#include "input/firmware_elf.h"

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace unpaired {

/// A word that may be a return address, as a recorder found it on the stack.
struct ScanWord {
    uint64_t return_address = 0; ///< Thumb bit removed
    /// Distance on the stack from the word before it, in words of the machine; for the first word of a stack,
    /// from the stack pointer before the hooked call. 0 for the return address of the hooked call itself.
    uint64_t distance = 0;

    friend bool operator<(const ScanWord &a, const ScanWord &b)
    {
        return std::pair(a.return_address, a.distance) < std::pair(b.return_address, b.distance);
    }
};

/// Unpacks the frames of a site (ram_image.h).
/// @param frames       packed words, innermost first
/// @param offset_bits  UNPAIRED_FRAME_OFFSET_BITS_*; with 0 or more than 63 there are no words
/// @param unit         1 or 2 bytes
/// @param text_low     what the offsets count from
std::vector<ScanWord> unpack_frames(std::span<const uint64_t> frames, unsigned offset_bits, unsigned unit,
                                    uint64_t text_low);

struct ConfirmedStack {
    std::vector<uint64_t> frames; ///< return addresses, innermost first: a prefix of the real stack
    /// Nothing is missing behind the last one: it lies in an entry (reset handler, task, interrupt).
    bool complete = false;
    /// A frame whose place the frame rules do not tell, and that calls through a pointer: likely, not proved.
    bool uncertain = false;
};

/// Confirms stacks by the frame rules of an ELF file (.debug_frame, .eh_frame; a file without them leaves the
/// call instructions to go by). Opens the file once; not thread-safe. `elf` must outlive it.
class StackConfirmer {
public:
    explicit StackConfirmer(const FirmwareElf &elf);
    ~StackConfirmer();
    StackConfirmer(const StackConfirmer &) = delete;
    StackConfirmer &operator=(const StackConfirmer &) = delete;

    /// @param words  the first is the return address of the hooked call, which is always true
    /// @param full   the list has as many words as the recorder keeps: more may have followed
    ///
    /// The place of each next return address follows from the rules of the frame before it. Where the rules go
    /// by a register that a scan does not know (a frame pointer: alloca, variable arrays), or where a function
    /// has none (assembly), the next word follows whose call instruction calls that function, or that may,
    /// calling through a pointer; of several the one from which the rules lead furthest.
    ConfirmedStack confirm(std::span<const ScanWord> words, bool full) const;

private:
    struct Rules;
    std::unique_ptr<Rules> rules_;
};

} // namespace unpaired
