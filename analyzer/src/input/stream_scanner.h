// Finds the records in the bytes of a stream.
#pragma once

#include "input/bytes.h"

#include <cstdint>
#include <span>
#include <vector>

namespace unpaired {

/// An intact record: its header's fields and what follows it.
struct StreamRecord {
    uint8_t type = 0;
    std::span<const uint32_t> words; ///< the whole record, header included; valid until the next one is read

    /// Copies the payload's beginning into `fixed`; false if it is shorter.
    template <class Fixed> bool read(Fixed &fixed) const { return copy(0, &fixed, sizeof fixed); }
    /// Copies payload bytes; false if there are not that many.
    bool copy(size_t offset, void *to, size_t length) const;
};

/// Reads the records of an input one after the other, wherever they begin: the line may carry other output,
/// and bytes may be lost or damaged. Holds a window of the input, not all of it.
class StreamScanner {
public:
    explicit StreamScanner(const Bytes &input) : input_(input) {}

    /// The next intact record; false at the end.
    bool next(StreamRecord &record);

    uint64_t damaged_bytes() const { return damaged_bytes_; }   ///< between records, and no text
    uint64_t damaged_places() const { return damaged_places_; } ///< runs of them
    uint64_t text_bytes() const { return text_bytes_; }         ///< of other output on the same line

private:
    bool fill(size_t at_least);
    bool intact_at(size_t at);
    void close_gap(uint64_t end, bool at_the_end);

    const Bytes &input_;
    std::vector<uint8_t> window_;
    size_t at_ = 0;          // in window_
    uint64_t base_ = 0;      // of window_ in the input
    uint64_t gap_start_ = 0; // in the input
    bool gap_is_text_ = true, any_record_ = false, exhausted_ = false;
    std::vector<uint32_t> aligned_;
    uint64_t damaged_bytes_ = 0, damaged_places_ = 0, text_bytes_ = 0;
};

} // namespace unpaired
