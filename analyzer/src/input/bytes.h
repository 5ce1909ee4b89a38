// The bytes of an input, wherever they come from.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace unpaired {

/// Random access to bytes that may shrink or change while they are read.
class Bytes {
public:
    virtual ~Bytes() = default;

    /// Length at the time of opening.
    virtual uint64_t size() const = 0;

    /// Copies up to `length` bytes from `offset`; returns how many there were.
    virtual size_t copy(uint64_t offset, void *to, size_t length) const = 0;

    /// Whether somebody may still be writing: then two copies may differ.
    virtual bool may_change() const = 0;

    /// Sentences on what could not be had of the input (a compressed stream that breaks off).
    std::vector<std::string> damage;
};

/// Opens the file at `path` and unpacks it if it is zstd-compressed. Throws InputError.
std::unique_ptr<Bytes> open_bytes(const std::string &path);

/// Bytes that are in memory already, which must outlive the result; unpacked if compressed. Throws InputError.
std::unique_ptr<Bytes> wrap_bytes(std::span<const uint8_t> bytes, const std::string &name);

} // namespace unpaired
