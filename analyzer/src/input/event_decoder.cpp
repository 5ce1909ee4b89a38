#include "input/event_decoder.h"

#include <algorithm>
#include <cstring>

namespace unpaired {

// ---- live acquisitions -------------------------------------------------------------------------------------------

constexpr uint64_t of_small_traces = 1 << 16; // limit of live ones, however many slots the ledger has

LiveEvents::LiveEvents(uint64_t most)
    : ring_(ring_size), table_(1024), most_(std::max<uint64_t>(most, of_small_traces))
{}

void LiveEvents::clear()
{
    std::fill(ring_.begin(), ring_.end(), Acquisition{});
    table_.assign(1024, {});
    kept_ = 0;
    count_ = 0;
}

size_t LiveEvents::home_of(uint64_t ordinal) const
{
    return (ordinal * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (table_.size() - 1);
}

size_t LiveEvents::place_of(uint64_t ordinal) const
{
    size_t place = home_of(ordinal);
    while (table_[place].ordinal != ordinal && table_[place].ordinal != 0)
        place = (place + 1) & (table_.size() - 1);
    return place;
}

bool LiveEvents::keep(uint64_t ordinal, const Acquisition &acquisition)
{
    if (kept_ >= most_)
        return false;
    if (2 * kept_ >= table_.size()) {
        std::vector<Entry> before(table_.size() * 2);
        before.swap(table_);
        for (const Entry &entry : before)
            if (entry.ordinal != 0)
                table_[place_of(entry.ordinal)] = entry;
    }
    table_[place_of(ordinal)] = {ordinal, acquisition};
    kept_++;
    return true;
}

void LiveEvents::remove(size_t place)
{
    const size_t mask = table_.size() - 1;
    kept_--;
    // what was pushed on by the one that goes moves up
    for (size_t next = (place + 1) & mask; table_[next].ordinal != 0; next = (next + 1) & mask) {
        const size_t home = home_of(table_[next].ordinal);
        if (((next - home) & mask) >= ((next - place) & mask)) {
            table_[place] = table_[next];
            place = next;
        }
    }
    table_[place] = {};
}

bool LiveEvents::add(uint32_t site, uint64_t size)
{
    count_++;
    Acquisition &at = ring_[count_ % ring_size];
    const bool kept = at.site == 0 || keep(count_ - ring_size, at);
    at = {size, site};
    return kept;
}

LiveEvents::Acquisition LiveEvents::take(uint64_t since)
{
    if (since >= count_)
        return {};
    const uint64_t ordinal = count_ - since;
    if (since < ring_size) {
        const Acquisition found = ring_[ordinal % ring_size];
        ring_[ordinal % ring_size].site = 0;
        return found;
    }
    const size_t place = place_of(ordinal);
    const Acquisition found = table_[place].acquisition;
    if (table_[place].ordinal != 0)
        remove(place);
    return found;
}

LiveEvents::Acquisition *LiveEvents::find(uint64_t since)
{
    if (since >= count_)
        return nullptr;
    const uint64_t ordinal = count_ - since;
    Acquisition &at = since < ring_size ? ring_[ordinal % ring_size] : table_[place_of(ordinal)].acquisition;
    return at.site != 0 ? &at : nullptr;
}

// ---- events --------------------------------------------------------------------------------------------------------

void EventDecoder::begin()
{
    for (const uint32_t site : touched_)
        sites_[site] = {};
    touched_.clear();
    live_.clear();
    size_ = events_ = senseless_ = unknown_ = 0;
}

void EventDecoder::acquired(uint64_t number, uint64_t size, bool repeated)
{
    events_++;
    if (number == 0 || number >= sites_.size()) {
        senseless_++;
        live_.add(0, 0); // it has its ordinal all the same
        return;
    }
    const auto site = static_cast<uint32_t>(number);
    SiteEvents &sum = sites_[site];
    if (repeated)
        size = sum.last_size;
    else
        sum.last_size = size;
    if (sum.acquired++ == 0)
        touched_.push_back(site);
    sum.bytes += size;
    sum.live_bytes += size;
    sum.peak_bytes = std::max(sum.peak_bytes, sum.live_bytes);
    if (!live_.add(site, size))
        senseless_++;
}

void EventDecoder::released(uint64_t since, uint64_t SiteEvents::*count)
{
    events_++;
    const LiveEvents::Acquisition of = live_.take(since);
    if (of.site == 0) {
        senseless_++;
        return;
    }
    SiteEvents &sum = sites_[of.site];
    (sum.*count)++;
    sum.live_bytes -= of.size;
}

void EventDecoder::resized(uint64_t since)
{
    LiveEvents::Acquisition *of = live_.find(since);
    if (of == nullptr) {
        senseless_++;
        return;
    }
    SiteEvents &sum = sites_[of->site];
    sum.live_bytes += size_ - of->size;
    sum.peak_bytes = std::max(sum.peak_bytes, sum.live_bytes);
    of->size = size_;
}

void EventDecoder::other(unsigned kind, uint64_t number)
{
    switch (kind) {
    case UNPAIRED_LOGGED_SIZE:
        size_ = number;
        break;
    case UNPAIRED_LOGGED_UNSEEN:
        released(number, &SiteEvents::unseen);
        break;
    case UNPAIRED_LOGGED_LOST:
        released(number, &SiteEvents::lost);
        break;
    case UNPAIRED_LOGGED_CAME_HOME:
        released(number, &SiteEvents::released);
        break;
    case UNPAIRED_LOGGED_RESIZED:
        resized(number);
        break;
    case UNPAIRED_LOGGED_TIME:
    case UNPAIRED_LOGGED_EARLIER:
        break;
    default:
        unknown_++;
    }
}

void EventDecoder::decode(std::span<const uint8_t> events)
{
    const uint8_t *at = events.data(), *end = at + events.size();
    while (end - at >= static_cast<ptrdiff_t>(UNPAIRED_LOGGED_BYTES) && *at != 0) {
        unpaired_logged_event_word event{};
        std::memcpy(&event.bytes, at, sizeof event.bytes);
        const uint64_t first = unpaired_logged_event_get(&event);
        switch (first & 3) {
        case UNPAIRED_LOGGED_ACQUIRED:
            acquired(first >> 2, 0, true);
            break;
        case UNPAIRED_LOGGED_RELEASED:
            released(first >> 2, &SiteEvents::released);
            break;
        case UNPAIRED_LOGGED_ACQUIRED_SIZED: {
            const uint64_t size = event.length < UNPAIRED_LOGGED_BYTES ? unpaired_logged_event_get(&event)
                                                                       : 0; // 0: only of damage
            acquired(first >> 2, size != 0 ? size - 1 : size_, false);
            break;
        }
        default:
            other(static_cast<unsigned>(first >> 2),
                  event.length < UNPAIRED_LOGGED_BYTES ? unpaired_logged_event_get(&event) : 0);
        }
        at += event.length;
    }
}

} // namespace unpaired
