#include "input/event_reader.h"

#include "input/event_decoder.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fmt/format.h>
#include <mutex>
#include <thread>

namespace unpaired {

namespace {

using ImageSite = std::pair<uint16_t, uint32_t>;

constexpr uint64_t headers = sizeof(unpaired_extent) + sizeof(unpaired_events);

/// Where the last event begins in bytes that may just have been written; npos if there is none.
size_t last_event(std::span<const uint8_t> events)
{
    size_t last = std::string::npos;
    for (size_t at = 0; at + UNPAIRED_LOGGED_BYTES <= events.size() && events[at] != 0;) {
        unpaired_logged_event_word event{};
        std::memcpy(&event.bytes, &events[at], sizeof event.bytes);
        const uint64_t first = unpaired_logged_event_get(&event);
        if ((first & 3) >= UNPAIRED_LOGGED_ACQUIRED_SIZED && event.length < UNPAIRED_LOGGED_BYTES)
            unpaired_logged_event_get(&event);
        last = at;
        at += event.length;
    }
    return last;
}

} // namespace

void EventReader::add(const unpaired_extent &extent, uint64_t offset, uint64_t length)
{
    shards_[{extent.image, extent.shard}].push_back({offset, length});
}

void EventReader::add_away(uint16_t image, const unpaired_slot &slot)
{
    Away &away = away_[{image, slot.site}];
    if ((slot.flags & UNPAIRED_SLOT_LOST) != 0)
        away.lost++;
    else if ((slot.flags & UNPAIRED_SLOT_UNSEEN) != 0)
        away.unseen++;
    else
        away.released++;
}

namespace {

/// One shard after the other, until there is none left to do; several of these work side by side.
class Worker {
public:
    Worker(const Bytes &input, uint32_t sites, uint64_t slots) : input_(input), decoder_(sites, slots) {}

    /// Returns false if extents are missing.
    bool decode(const std::vector<EventExtent> &extents)
    {
        decoder_.begin();
        uint32_t number = 0;
        for (const EventExtent &extent : extents) {
            const bool is_last = &extent == &extents.back();
            read(extent, bytes_);
            if (bytes_.size() <= headers)
                return false;
            if (is_last && input_.may_change()) {
                // Of what is visible now all is there to a second look; what is seen later may not be yet.
                read(extent, again_);
                keep_until(last_event(events_of(bytes_)));
            }
            unpaired_events header;
            std::memcpy(&header, &bytes_[sizeof(unpaired_extent)], sizeof header);
            const std::span<const uint8_t> events = events_of(bytes_);
            if (events.size() < UNPAIRED_LOGGED_BYTES || events[0] == 0)
                continue; // its writer did not come to use it
            if (header.number != number++ || header.acquired != decoder_.acquisitions())
                return false;
            decoder_.decode(events);
        }
        return true;
    }

    const EventDecoder &decoder() const { return decoder_; }

private:
    void read(const EventExtent &extent, std::vector<uint8_t> &to) const
    {
        to.resize(extent.length);
        to.resize(input_.copy(extent.offset, to.data(), extent.length));
    }

    static std::span<const uint8_t> events_of(const std::vector<uint8_t> &extent)
    {
        return std::span(extent).subspan(std::min<size_t>(headers, extent.size()));
    }

    /// Goes on with the second look, up to and with the event that begins at `last`.
    void keep_until(size_t last)
    {
        bytes_.swap(again_);
        if (last == std::string::npos || bytes_.size() < headers + last + UNPAIRED_LOGGED_BYTES) {
            bytes_.resize(std::min<size_t>(bytes_.size(), headers));
            bytes_.resize(headers + UNPAIRED_LOGGED_BYTES);
            return;
        }
        unpaired_logged_event_word event{};
        std::memcpy(&event.bytes, &bytes_[headers + last], sizeof event.bytes);
        const uint64_t first = unpaired_logged_event_get(&event);
        if ((first & 3) >= UNPAIRED_LOGGED_ACQUIRED_SIZED && event.length < UNPAIRED_LOGGED_BYTES)
            unpaired_logged_event_get(&event);
        const auto behind = bytes_.begin() + static_cast<ptrdiff_t>(headers + last + event.length);
        std::fill(behind, bytes_.end(), uint8_t{0});
    }

    const Bytes &input_;
    EventDecoder decoder_;
    std::vector<uint8_t> bytes_, again_; // kept to reuse their memory
};

bool has_ended(const Trace &trace, uint16_t image)
{
    for (const End &end : trace.ends)
        if (end.image == image && end.kind != UNPAIRED_END_EXEC_FAILED)
            return true;
    auto at = trace.images.find(image);
    const uint32_t pid = at == trace.images.end() ? 0 : at->second.pid;
    return std::any_of(trace.child_ends.begin(), trace.child_ends.end(),
                       [&](const ChildEnd &end) { return pid != 0 && end.pid == pid; });
}

/// Who unlocks what another thread holds leaves the logging to the holder, who may never come to it.
bool is_held(const Trace &trace, uint32_t id)
{
    auto site = trace.sites.find(id);
    if (site == trace.sites.end())
        return false;
    auto family = trace.dictionary.families.find(site->second.family);
    if (family == trace.dictionary.families.end())
        return false;
    auto space = trace.dictionary.spaces.find(family->second.space);
    return space != trace.dictionary.spaces.end() && space->second.kind == UNPAIRED_KIND_HELD;
}

uint64_t difference(uint64_t a, uint64_t b) { return a > b ? a - b : b - a; }

} // namespace

void EventReader::ImageEvents::add(const EventDecoder &shard, bool whole)
{
    shards++;
    missing += !whole;
    senseless += shard.senseless() + shard.unknown();
    events += shard.events();
    for (const uint32_t site : shard.touched()) {
        const SiteEvents &of = shard.of(site);
        SiteEvents &sum = sites[site];
        sum.acquired += of.acquired;
        sum.bytes += of.bytes;
        sum.released += of.released;
        sum.unseen += of.unseen;
        sum.lost += of.lost;
        sum.peak_bytes += of.peak_bytes;
    }
}

/// Returns one more than the greatest plausible site number. A recorder assigns the numbers one after the other, and
/// writes a record for each, which may be lost.
uint32_t EventReader::site_numbers(const Trace &trace)
{
    uint64_t end = 1;
    for (const auto &[id, site] : trace.sites)
        end = std::max(end, uint64_t{id} + 1);
    constexpr uint64_t of_small_traces = 1 << 16;
    return static_cast<uint32_t>(
        std::min({end, trace.sites.size() * 4 + of_small_traces, uint64_t{UINT32_MAX}}));
}

void EventReader::settle(Trace &trace, const Bytes &input, bool whole) const
{
    if (shards_.empty())
        return;
    const std::map<uint16_t, ImageEvents> images = decode(input, site_numbers(trace));

    std::map<ImageSite, uint64_t> live; // by the ledger
    for (const Slot &slot : trace.slots)
        live[{slot.image, slot.site}]++;
    std::map<uint16_t, uint64_t> differences;
    const auto events_of = [&](const Counter &counter) -> SiteEvents {
        const ImageEvents &image = images.at(counter.image);
        auto at = image.sites.find(counter.site);
        SiteEvents events = at != image.sites.end() ? at->second : SiteEvents{};
        if (auto away = away_.find({counter.image, counter.site}); away != away_.end()) {
            events.released += away->second.released;
            events.unseen += away->second.unseen;
            events.lost += away->second.lost;
        }
        return events;
    };
    std::map<uint16_t, uint64_t> counted;
    for (const Counter &counter : trace.counters) {
        if (!images.contains(counter.image))
            continue;
        const SiteEvents events = events_of(counter);
        uint64_t &different = differences[counter.image];
        counted[counter.image] += counter.acquired > 0;
        different += difference(events.acquired, counter.acquired);
        different += difference(events.unseen, counter.released_unseen);
        if (!is_held(trace, counter.site)) {
            auto at = live.find({counter.image, counter.site});
            different += difference(events.live(), at != live.end() ? at->second : 0);
        }
    }
    for (const auto &[id, image] : images) {
        if (image.sites.size() > counted[id])
            differences[id] += image.sites.size() - counted[id];
        const bool complete = whole && trace.drops[UNPAIRED_DROP_EVENT] == 0 && image.missing == 0;
        // of each shard one event may just have been under way when the program ended
        const bool agree = image.senseless == 0 && differences[id] <= 2 * image.shards;
        if (complete && agree)
            trace.told_by_events.insert(id);
        else if (complete && has_ended(trace, id))
            trace.damage.push_back(fmt::format("the log of every event does not fit the ledger ({} of {} "
                                               "events make no sense, {} are counted in one "
                                               "and not in the other); the report goes by the ledger",
                                               image.senseless, image.events, differences[id]));
        else if (!complete && image.missing > 0 && whole)
            trace.damage.push_back(
                "parts of the log of every event are missing; the report goes by the ledger");
    }
    for (Counter &counter : trace.counters) {
        if (!trace.told_by_events.contains(counter.image))
            continue;
        const SiteEvents events = events_of(counter);
        counter.acquired = events.acquired;
        counter.bytes = events.bytes;
        counter.released = events.released;
        counter.released_unseen = events.unseen;
        counter.peak_bytes = events.peak_bytes;
    }
}

std::map<uint16_t, EventReader::ImageEvents> EventReader::decode(const Bytes &input, uint32_t sites) const
{
    constexpr size_t cores = 2;
    struct Task {
        uint16_t image;
        const std::vector<EventExtent> *extents;
        uint64_t length;
    };
    std::vector<Task> tasks;
    for (const auto &[shard, extents] : shards_) {
        uint64_t length = 0;
        for (const EventExtent &extent : extents)
            length += extent.length;
        tasks.push_back({shard.first, &extents, length});
    }
    std::stable_sort(tasks.begin(), tasks.end(),
                     [](const Task &a, const Task &b) { return a.length > b.length; });
    std::map<uint16_t, ImageEvents> images;
    std::mutex mutex; // of `images`
    std::atomic<size_t> next = 0;
    const auto work = [&] {
        Worker worker(input, sites, slots_);
        for (size_t i = next++; i < tasks.size(); i = next++) {
            const bool is_whole = worker.decode(*tasks[i].extents);
            const std::lock_guard lock(mutex);
            images[tasks[i].image].add(worker.decoder(), is_whole);
        }
    };
    {
        std::vector<std::jthread> others;
        for (size_t i = 1; i < std::min(cores, tasks.size()); i++)
            others.emplace_back(work);
        work();
    }
    return images;
}

} // namespace unpaired
