// The memory of this very process, read with process_vm_readv(2): a page that is not there is an error and not a
// fault.
#pragma once

#include "scratch.h"

#include "unpaired/reachability.h"

namespace unpaired {

/// A range of addresses that the kernel has mapped.
struct Region {
    enum Kind : uint8_t {
        anonymous,    ///< private memory of no file
        private_file, ///< what the process wrote there is its own, the rest is the file's
        shared,       ///< shared memory, or a shared file
        unread        ///< not to be touched: not readable, of a device, the recorder's own
    };
    uint64_t start, end;
    Kind kind;
    bool writable, heap, stack; ///< heap, stack: the kernel calls it so
};

/// Limits of the search, during which the program waits.
struct Budget {
    uint32_t cpu_ms;  ///< of the calling thread
    uint32_t wall_ms; ///< where memory must be swapped in, or the machine is busy
};

inline constexpr const char *took_too_long = "it took too long";

class OwnMemory {
public:
    using Marker = reachability::Marker<OwnMemory>;

    OwnMemory() = default;
    ~OwnMemory();
    OwnMemory(const OwnMemory &) = delete;
    OwnMemory &operator=(const OwnMemory &) = delete;

    /// Gets ready; nullptr, or why it cannot be done.
    const char *open(const Budget &budget);
    /// Reads the kernel's map; regions of `excluded` are cut out of it by exclude(). nullptr, or why it cannot.
    const char *read_map();
    void exclude(uint64_t start, uint64_t end);

    const ScratchArray<Region> &regions() const { return regions_; }
    /// The region that covers the address, or null.
    const Region *region_at(uint64_t address) const;
    /// Whether the budget was used up: what was read since is incomplete.
    const char *trouble() const { return trouble_; }

    // what the marker and the walk through arenas ask for
    template <class Visit> void each_piece(uint64_t start, uint64_t end, Visit visit)
    {
        for (size_t i = first_region_behind(start); i < regions_.size() && regions_[i].start < end; i++) {
            const Region region = regions_[i];
            uint64_t at = region.start > start ? region.start : start;
            const uint64_t last = region.end < end ? region.end : end;
            while (at < last && trouble_ == nullptr) {
                uint64_t from = at, to = last;
                if (!next_piece(region, from, to))
                    break;
                const size_t got = copy(from, buffer_, to - from);
                if (got != 0)
                    visit(from, static_cast<const uint8_t *>(buffer_), got);
                // a page that cannot be read is left out
                at = got < to - from ? ((from + got) | (page - 1)) + 1 : to;
            }
        }
    }
    void read(reachability::Piece *pieces, unsigned n);
    uint8_t *room() { return room_; }
    bool keep(const reachability::Pointer &pointer) { return kept_.push(pointer); }
    reachability::Pointer *kept() { return kept_.data(); }
    void forget_kept() { kept_.resize(0); }
    bool go_on() { return is_in_time(); }
    template <class Value> bool get(uint64_t address, Value &value)
    {
        if (address < window_start_ || address + sizeof value > window_start_ + window_size_) {
            window_start_ = address;
            window_size_ = copy(address, window_, read_ahead_);
            if (window_size_ < sizeof value)
                return false;
        }
        __builtin_memcpy(&value, window_ + (address - window_start_), sizeof value);
        return true;
    }
    /// Copies up to `length` bytes; returns how many could be read.
    size_t copy(uint64_t address, void *to, size_t length);
    /// Discards what get() has read, since memory may have changed, and makes it read `bytes` bytes ahead.
    void read_ahead(size_t bytes)
    {
        window_size_ = 0;
        read_ahead_ = bytes;
    }
    static constexpr size_t least_ahead = 4096, most_ahead = 256 * 1024;

private:
    static constexpr uint64_t page = 4096;
    static constexpr size_t piece = 1 << 20, pages_room = 64 * 1024;

    size_t first_region_behind(uint64_t address) const;
    bool next_piece(const Region &region, uint64_t &from, uint64_t &to);
    bool has_contents(const Region &region, uint64_t address);
    bool is_in_time();
    bool may_read(uint64_t bytes);
    void copy_around_holes(uint64_t address, uint8_t *to, size_t length);

    ScratchArray<Region> regions_;
    ScratchArray<uint8_t> memory_; // the buffers below
    uint8_t *buffer_ = nullptr, *room_ = nullptr, *window_ = nullptr;
    ScratchArray<reachability::Pointer> kept_;
    uint64_t *pages_ = nullptr; // of /proc/self/pagemap
    uint64_t pages_start_ = 0, pages_end_ = 0, window_start_ = 0;
    size_t window_size_ = 0, read_ahead_ = least_ahead;
    long pagemap_ = -1;
    uint64_t cpu_end_ms_ = 0, wall_end_ms_ = 0, bytes_ = 0;
    unsigned reads_ = 0;
    const char *trouble_ = nullptr;
};

} // namespace unpaired
