#include "input/stream_scanner.h"

#include "unpaired/stream_format.h"

#include <cstring>

namespace unpaired {
namespace {

constexpr size_t longest_record = 65535 * 8;
constexpr size_t window_size = 4 * longest_record;
// A record that the capture's beginning or end cut in two is no damage; more than that is.
constexpr uint64_t longest_cut = 600;

bool is_text(uint8_t byte)
{
    return (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\r' || byte == '\t' || byte == 0x1b;
}

/// Types of later versions are known by their sync and check alone; those of a trace file never stand here.
bool is_stream_type(uint8_t type)
{
    switch (type) {
    case UNPAIRED_RECORD_THREAD:
    case UNPAIRED_RECORD_THREAD_END:
    case UNPAIRED_RECORD_MARK:
    case UNPAIRED_RECORD_ANOMALY:
    case UNPAIRED_RECORD_LIMIT:
    case UNPAIRED_RECORD_END:
    case UNPAIRED_RECORD_NOTE:
        return true;
    default:
        return type >= UNPAIRED_RECORD_STREAM && type < UNPAIRED_RECORD_STREAM + 32;
    }
}

} // namespace

bool StreamRecord::copy(size_t offset, void *to, size_t length) const
{
    const size_t size = words.size_bytes() - sizeof(unpaired_record);
    if (offset > size || length > size - offset)
        return false;
    std::memcpy(to, reinterpret_cast<const uint8_t *>(words.data()) + sizeof(unpaired_record) + offset,
                length);
    return true;
}

/// Makes `at_least` bytes available from at_ on; false if the input has not that many.
bool StreamScanner::fill(size_t at_least)
{
    if (window_.size() - at_ >= at_least)
        return true;
    if (exhausted_)
        return false;
    window_.erase(window_.begin(), window_.begin() + static_cast<ptrdiff_t>(at_));
    base_ += at_;
    at_ = 0;
    const size_t had = window_.size();
    window_.resize(window_size);
    const size_t got = input_.copy(base_ + had, window_.data() + had, window_size - had);
    window_.resize(had + got);
    exhausted_ = window_.size() < window_size;
    return window_.size() >= at_least;
}

/// Whether an intact record begins at at_; its words are then in aligned_.
bool StreamScanner::intact_at(size_t at)
{
    unpaired_record header;
    std::memcpy(&header, &window_[at], sizeof header);
    if (header.sync != UNPAIRED_RECORD_SYNC || header.words == 0 || !is_stream_type(header.type))
        return false;
    // the check leaves the end of an anomaly out and would count below zero on a shorter one
    if (header.type == UNPAIRED_RECORD_ANOMALY &&
        header.words * 8u < sizeof header + sizeof(unpaired_record_anomaly))
        return false;
    const size_t length = size_t{header.words} * 8;
    if (!fill(length))
        return false;
    aligned_.resize(length / 4);
    std::memcpy(aligned_.data(), &window_[at_], length); // fill() may have moved it
    return unpaired_record_check(header.type, header.words, aligned_.data() + 2) == header.check;
}

void StreamScanner::close_gap(uint64_t end, bool at_the_end)
{
    const uint64_t bytes = end - gap_start_;
    if (bytes == 0)
        return;
    if (gap_is_text_)
        text_bytes_ += bytes;
    else if (bytes > longest_cut || (any_record_ && !at_the_end)) {
        damaged_bytes_ += bytes;
        damaged_places_++;
    }
}

bool StreamScanner::next(StreamRecord &record)
{
    for (; fill(sizeof(unpaired_record)); at_++) {
        if (!intact_at(at_)) {
            gap_is_text_ = gap_is_text_ && is_text(window_[at_]);
            continue;
        }
        close_gap(base_ + at_, false);
        record.type = static_cast<uint8_t>(aligned_[0] >> 8);
        record.words = aligned_;
        at_ += aligned_.size() * 4;
        gap_start_ = base_ + at_;
        gap_is_text_ = any_record_ = true;
        return true;
    }
    for (; at_ < window_.size(); at_++)
        gap_is_text_ = gap_is_text_ && is_text(window_[at_]);
    close_gap(base_ + at_, true);
    gap_start_ = base_ + at_;
    return false;
}

} // namespace unpaired
