// Makes streams in memory, byte for byte as a firmware's recorder sends them.
#pragma once

#include "unpaired/stream_format.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace unpaired::test {

struct ScanSiteSpec {
    uint16_t site = 0;
    uint8_t generation = 0, function = 1, family = 1;
    const char *owner = nullptr; ///< four characters
    /// Return addresses with their distance in words, innermost first.
    std::vector<std::pair<uint64_t, uint32_t>> frames;
};

/// A 32-bit machine whose code begins at 0x8000, as the image of firmware_samples/ does.
class StreamBuilder {
public:
    static constexpr uint64_t text_low = 0x8000;
    static constexpr unsigned offset_bits = 21, unit = 2;

    void stream(const std::string &build_id = "", uint8_t address_size = 4,
                uint16_t version = UNPAIRED_STREAM_VERSION)
    {
        unpaired_record_stream fixed = {};
        fixed.version = version;
        fixed.address_size = address_size;
        fixed.build_id_len = static_cast<uint16_t>(build_id.size());
        record(UNPAIRED_RECORD_STREAM, fixed, build_id);
        number_ = 0;
    }

    void site(const ScanSiteSpec &spec)
    {
        unpaired_record_scan_site fixed = {};
        fixed.site = spec.site;
        fixed.generation = spec.generation;
        fixed.depth = static_cast<uint8_t>(spec.frames.size());
        fixed.function = spec.function;
        fixed.family = spec.family;
        fixed.owner_source = spec.owner != nullptr ? UNPAIRED_OWNER_SCOPE : UNPAIRED_OWNER_UNKNOWN;
        fixed.frame_offset_bits = offset_bits;
        fixed.frame_unit = unit;
        fixed.frame_size = 4;
        if (spec.owner != nullptr)
            std::memcpy(&fixed.owner, spec.owner, 4);
        fixed.text_low = text_low;
        std::string frames;
        for (const auto &[address, distance] : spec.frames) {
            const auto packed = static_cast<uint32_t>((address - text_low) / unit | distance << offset_bits);
            frames.append(reinterpret_cast<const char *>(&packed), sizeof packed);
        }
        record(UNPAIRED_RECORD_SCAN_SITE, fixed, frames);
    }

    void event(unpaired_event what, uint8_t function, uint32_t handle, uint32_t place, uint32_t value = 0)
    {
        unpaired_record_event fixed = {};
        fixed.what = static_cast<uint8_t>(what);
        fixed.function = function;
        fixed.number = number_++;
        fixed.handle = handle;
        fixed.place = place;
        fixed.value = value;
        record(UNPAIRED_RECORD_EVENT, fixed);
    }
    void acquire(uint32_t handle, uint16_t site, uint32_t size, uint8_t function = 1, uint8_t generation = 0)
    {
        event(UNPAIRED_EVENT_ACQUIRE, function, handle, site | uint32_t{generation} << 24, size);
    }
    void release(uint32_t handle, uint64_t place, uint8_t function = 2)
    {
        event(UNPAIRED_EVENT_RELEASE, function, handle, static_cast<uint32_t>(place));
    }
    /// Events that happened and did not arrive.
    void lose(uint16_t events) { number_ = static_cast<uint16_t>(number_ + events); }

    void clock(uint32_t time_ms, uint32_t cycle = 0, uint32_t sites_dropped = 0)
    {
        unpaired_record_clock fixed = {time_ms, cycle, {sites_dropped, 0, 0, 0}};
        record(UNPAIRED_RECORD_CLOCK, fixed);
    }
    void mark(uint32_t cycle, uint32_t time_ms, const std::string &name = "connect")
    {
        unpaired_record_mark fixed = {1, static_cast<uint16_t>(name.size()), cycle, time_ms, 0};
        record(UNPAIRED_RECORD_MARK, fixed, name);
    }
    void end(uint32_t time_ms)
    {
        unpaired_record_end fixed = {1, UNPAIRED_END_EXIT, 0, 0, time_ms, 0, 0};
        record(UNPAIRED_RECORD_END, fixed);
    }
    /// Anything else that comes along the same line.
    void other(const std::string &text) { bytes_.insert(bytes_.end(), text.begin(), text.end()); }

    const std::vector<uint8_t> &bytes() const { return bytes_; }
    /// Where each record begins, and the end of the last one.
    std::vector<size_t> borders() const
    {
        std::vector<size_t> all = starts_;
        all.push_back(bytes_.size());
        return all;
    }

    template <class Fixed> void record(uint8_t type, const Fixed &fixed, const std::string &rest = "")
    {
        std::vector<uint32_t> words((sizeof fixed + rest.size() + 7) / 8 * 2);
        std::memcpy(words.data(), &fixed, sizeof fixed);
        std::memcpy(reinterpret_cast<char *>(words.data()) + sizeof fixed, rest.data(), rest.size());
        unpaired_record header = {};
        header.sync = UNPAIRED_RECORD_SYNC;
        header.type = type;
        header.words = static_cast<uint16_t>(words.size() / 2 + 1);
        header.check = unpaired_record_check(type, header.words, words.data());
        starts_.push_back(bytes_.size());
        append(&header, sizeof header);
        append(words.data(), words.size() * 4);
    }

private:
    void append(const void *data, size_t size)
    {
        const auto *begin = static_cast<const uint8_t *>(data);
        bytes_.insert(bytes_.end(), begin, begin + size);
    }

    uint16_t number_ = 0;
    std::vector<uint8_t> bytes_;
    std::vector<size_t> starts_;
};

} // namespace unpaired::test
