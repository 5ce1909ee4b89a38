// EVENTS extents: with every event recorded, what the ledger and the counters say is told anew from the events.
#pragma once

#include "input/bytes.h"
#include "input/event_decoder.h"
#include "input/model.h"

#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace unpaired {

struct EventExtent {
    uint64_t offset = 0, length = 0;
};

/// Notes where a trace's events stand while it is walked, and decodes them when the rest has been read.
class EventReader {
public:
    /// An EVENTS extent that begins at `offset` and has `length` bytes.
    void add(const unpaired_extent &extent, uint64_t offset, uint64_t length);

    /// A retired slot whose own thread has not logged that yet.
    void add_away(uint16_t image, const unpaired_slot &slot);

    /// Adds `count` to the number of slots in the ledger.
    void add_slots(uint64_t count) { slots_ += count; }

    /// Sets the counters of images whose events are complete from these events. If events contradict the ledger, records
    /// that in Trace::damage and keeps the ledger's counters. `whole` is true if nothing of the file is known to be
    /// missing. Decodes shards on two threads; memory grows with the live acquisitions in them.
    void settle(Trace &trace, const Bytes &input, bool whole) const;

private:
    struct Away {
        uint64_t released = 0, unseen = 0, lost = 0;
    };
    /// What all shards of an image tell, and how far that can be believed.
    struct ImageEvents {
        std::unordered_map<uint32_t, SiteEvents> sites;
        uint64_t shards = 0, senseless = 0, missing = 0, events = 0;
        void add(const EventDecoder &shard, bool whole);
    };
    static uint32_t site_numbers(const Trace &trace);
    std::map<uint16_t, ImageEvents> decode(const Bytes &input, uint32_t sites) const;

    uint64_t slots_ = 0;
    std::map<std::pair<uint16_t, uint32_t>, std::vector<EventExtent>> shards_; // (image, shard) → its extents
    std::map<std::pair<uint16_t, uint32_t>, Away> away_;                       // by image and site
};

} // namespace unpaired
