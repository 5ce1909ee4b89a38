// The header of a trace that somebody may be recording into: control word, marks, and records added from outside.
#pragma once

#include "commands/descriptor.h"
#include "unpaired/trace_format.h"

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// Log records as bytes, in the order added.
class LogRecords {
public:
    /// Adds one: its fixed part, then `tail` (strings and arrays as the record type says).
    template <class Fixed> void add(unpaired_record_type type, const Fixed &fixed, std::string_view tail = {})
    {
        add(type, &fixed, sizeof fixed, tail);
    }
    std::span<const uint64_t> words() const { return words_; }

private:
    void add(unpaired_record_type type, const void *fixed, size_t length, std::string_view tail);
    std::vector<uint64_t> words_;
};

class LiveTrace {
public:
    /// Opens a raw trace for reading and writing. Throws Trouble if it cannot be, is no trace, is of another
    /// major version, or is compressed (at rest: nobody records into it).
    explicit LiveTrace(const std::string &path);
    ~LiveTrace();
    LiveTrace(const LiveTrace &) = delete;
    LiveTrace &operator=(const LiveTrace &) = delete;

    const std::string &path() const { return path_; }
    uint32_t first_pid() const { return header_->first_pid; }
    bool stopped() const;
    void set_stopped(bool stopped);

    /// Begins a cycle and returns its number.
    uint32_t begin_cycle();
    uint32_t cycle() const;

    /// Milliseconds since the trace was begun: the time of every record.
    uint32_t now_ms() const;
    uint64_t capacity() const { return header_->capacity; } ///< bytes
    uint64_t used() const;                                  ///< bytes

    /// Writes the records in a log extent of their own. Throws Trouble if there is no room (file or disk full).
    void append(const LogRecords &records, uint16_t image);
    /// Writes what a look at the memory of `image` found.
    void append(const std::vector<unpaired_reach> &entries, const unpaired_reach_look &look, uint16_t image);

private:
    void append_extent(unpaired_extent_kind kind, std::span<const char> body, uint32_t used, uint16_t image);
    std::string path_;
    Descriptor fd_;
    unpaired_file_header *header_ = nullptr;
};

} // namespace unpaired
