// The events of one shard, put together to what became of each site's acquisitions.
#pragma once

#include "unpaired/trace_events.h"

#include <cstdint>
#include <span>
#include <vector>

namespace unpaired {

/// What a shard's events tell of one site.
struct SiteEvents {
    uint64_t acquired = 0, bytes = 0;
    uint64_t released = 0; ///< seen; the rest was released unseen, lost, or is live
    uint64_t unseen = 0, lost = 0;
    uint64_t live_bytes = 0, peak_bytes = 0;
    uint64_t last_size = 0; // of the last acquisition: left out where it is repeated

    uint64_t live() const { return acquired - released - unseen - lost; }
};

/// Live acquisitions by their ordinal. Most are released soon: those stand in a ring of the latest, the others in a table
/// that grows with what is live.
class LiveEvents {
public:
    struct Acquisition {
        uint64_t size = 0;
        uint32_t site = 0; // 0: none, or released
    };

    /// `most` is the limit of acquisitions that are live at a time.
    explicit LiveEvents(uint64_t most);
    void clear();
    /// Adds the acquisition with the next ordinal, from 1. Returns false if too many are live: one is forgotten then.
    bool add(uint32_t site, uint64_t size);
    /// What was acquired `since` acquisitions ago; 0: the last one. Its site is 0 if it is not live.
    Acquisition take(uint64_t since);
    /// The same, and it stays.
    Acquisition *find(uint64_t since);
    uint64_t count() const { return count_; } ///< of acquisitions ever added

private:
    static constexpr uint64_t ring_size = 1u << 14;
    struct Entry {
        uint64_t ordinal = 0; // 0: free
        Acquisition acquisition;
    };
    size_t home_of(uint64_t ordinal) const;
    size_t place_of(uint64_t ordinal) const;
    bool keep(uint64_t ordinal, const Acquisition &acquisition);
    void remove(size_t place);

    std::vector<Acquisition> ring_;
    std::vector<Entry> table_; // open addressing, a power of two
    size_t kept_ = 0;
    const uint64_t most_;
    uint64_t count_ = 0;
};

/// Decodes shard after shard. Never throws on damage: what makes no sense is counted.
class EventDecoder {
public:
    /// `sites` is greater than every site number. `slots` is the number of slots in the ledger, and so the limit of
    /// live acquisitions.
    EventDecoder(uint32_t sites, uint64_t slots) : sites_(sites), live_(slots) {}

    /// Another shard begins.
    void begin();

    /// The events of its next extent, what follows the header.
    void decode(std::span<const uint8_t> events);

    /// Sites that the shard's events spoke of, in no order, each once.
    const std::vector<uint32_t> &touched() const { return touched_; }
    const SiteEvents &of(uint32_t site) const { return sites_[site]; }

    uint64_t events() const { return events_; }             ///< acquisitions and releases of the shard
    uint64_t acquisitions() const { return live_.count(); } ///< of the shard
    uint64_t senseless() const { return senseless_; }       ///< of the shard: about what is not there
    uint64_t unknown() const { return unknown_; }           ///< of the shard: kinds of a later version

private:
    void acquired(uint64_t site, uint64_t size, bool repeated);
    void released(uint64_t since, uint64_t SiteEvents::*count);
    void resized(uint64_t since);
    void other(unsigned kind, uint64_t number);

    std::vector<SiteEvents> sites_;
    std::vector<uint32_t> touched_;
    LiveEvents live_;
    uint64_t size_ = 0; // as LOGGED_SIZE said
    uint64_t events_ = 0, senseless_ = 0, unknown_ = 0;
};

} // namespace unpaired
