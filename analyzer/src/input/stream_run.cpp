#include "input/stream_run_internal.h"

#include "input/function_names.h"
#include "input/log_reader.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace unpaired {
namespace {

constexpr uint16_t the_image = 1;
// Records may come a little out of order; a clock that wraps jumps by most of its range.
constexpr uint32_t clock_slack_ms = 1000, clock_wraps_above = 0xf0000000u;

template <class Narrow> Narrow clamped(int64_t value)
{
    return static_cast<Narrow>(
        std::clamp<int64_t>(value, std::numeric_limits<Narrow>::min(), std::numeric_limits<Narrow>::max()));
}

} // namespace

bool CallEvidence::against() const
{
    const auto follow = static_cast<uint64_t>(
        std::count_if(seen.begin(), seen.end(), [](const auto &address) { return address.second; }));
    return seen.size() - follow + unknown_names > follow;
}

StreamRun::StreamRun(const FirmwareElf &elf, const std::string &name, bool beginning_seen,
                     const std::string &cycle_function, CallEvidence &evidence)
    : elf_(elf), evidence_(evidence), beginning_seen_(beginning_seen),
      cycle_functions_(functions_called(elf.dictionary, cycle_function))
{
    if (!cycle_functions_.empty())
        trace_.cycle_function = cycle_function;
    trace_.path = name;
    trace_.source = UNPAIRED_SOURCE_WRAP;
    trace_.machine = elf.machine;
    trace_.address_size = elf.address_size;
    trace_.major = UNPAIRED_STREAM_VERSION;
    trace_.dictionary = elf.dictionary;
    Image &image = trace_.images[the_image];
    image.id = the_image;
    image.recorded = true;
    image.program = elf.path;
    Module module;
    module.image = the_image;
    module.path = elf.path;
    module.build_id = elf.build_id;
    module.start = UINT64_MAX;
    for (const FirmwareSection &section : elf.sections)
        if (section.code) {
            module.start = std::min(module.start, section.address);
            module.end = std::max(module.end, section.address + section.size);
        }
    trace_.modules.push_back(module);
    if (beginning_seen)
        next_number_ = 0;
}

uint64_t StreamRun::memory() const
{
    // what an element takes with its node, and once more in the trace
    constexpr uint64_t of_slot = 3 * sizeof(Slot), of_name = 160, of_site = 800, of_node = 96, of_log = 5;
    const Dictionary &names = trace_.dictionary;
    return sizeof *this + of_name * (names.spaces.size() + names.families.size() + names.functions.size()) +
           live_slots_ * of_slot + live_.size() * of_node + released_.size() * of_node +
           (last_site_ + places_.size() + told_.size()) * of_node + (known_sites_.size()) * of_site +
           last_site_ * sizeof(Site) + counters_.size() * (of_node + 2 * sizeof(Counter)) +
           anomalies_.size() * (of_node + 2 * sizeof(Anomaly)) + log_bytes_ * of_log;
}

// ---- sites

uint32_t StreamRun::new_site(uint8_t function, uint16_t family)
{
    const uint32_t id = ++last_site_;
    Site &site = trace_.sites[id];
    site.id = id;
    site.function = function;
    site.family = family;
    site.image = the_image;
    return id;
}

void StreamRun::see_address(uint64_t address)
{
    if (auto [at, added] = evidence_.seen.try_emplace(address); added)
        at->second = call_before(elf_, address).has_value();
}

/// The site of a call of which only the return address is known.
uint32_t StreamRun::place_site(uint8_t function, uint64_t place, uint16_t family)
{
    if (place == 0)
        return 0;
    see_address(place);
    auto [at, added] = places_.try_emplace({function, place});
    if (added) {
        at->second = new_site(function, family);
        trace_.sites[at->second].stack = {place};
    }
    // realloc releases and acquires at one place: what it was first seen to do there names no family
    if (uint16_t &known = trace_.sites[at->second].family; known == 0)
        known = family;
    return at->second;
}

void StreamRun::site(const StreamRecord &record)
{
    any_record_ = true;
    unpaired_record_scan_site fixed;
    if (!record.read(fixed) || (fixed.frame_size != 4 && fixed.frame_size != 8))
        return;
    std::vector<uint64_t> frames(fixed.depth);
    for (size_t i = 0; i < frames.size(); i++)
        if (!record.copy(sizeof fixed + i * fixed.frame_size, &frames[i], fixed.frame_size))
            return;
    if (!elf_.dictionary.functions.contains(fixed.function) ||
        !elf_.dictionary.families.contains(fixed.family)) {
        evidence_.unknown_names++;
        return;
    }
    std::vector<ScanWord> words =
        unpack_frames(frames, fixed.frame_offset_bits, fixed.frame_unit, fixed.text_low);
    most_words_ = std::max(most_words_, words.size());
    if (!words.empty())
        see_address(words.front().return_address);

    Told &told = told_[{fixed.site, fixed.generation}];
    SiteKey key(fixed.function, fixed.family, fixed.owner, fixed.owner_source, words);
    if (auto same = known_sites_.find(key); same != known_sites_.end()) {
        if (told.id == 0 || told.known) {
            told = {same->second, true};
            return;
        }
    }
    // Events may have come before it: then it fills in what they could not tell. Otherwise the number has been
    // given to another call, and its generation has come round.
    if (told.id == 0 || told.known)
        told.id = new_site(fixed.function, fixed.family);
    told.known = true;
    Site &site = trace_.sites[told.id];
    site.function = fixed.function;
    site.family = fixed.family;
    site.owner = fixed.owner;
    site.owner_source = fixed.owner_source;
    words_[told.id] = std::move(words);
    known_sites_.try_emplace(std::move(key), told.id);
}

// ---- events

const Function *StreamRun::function(uint8_t id)
{
    auto at = elf_.dictionary.functions.find(id);
    if (at != elf_.dictionary.functions.end())
        return &at->second;
    evidence_.unknown_names++;
    return nullptr;
}

void StreamRun::count_event(uint16_t number)
{
    if (next_number_)
        trace_.events_lost += static_cast<uint16_t>(number - *next_number_);
    next_number_ = static_cast<uint16_t>(number + 1);
}

void StreamRun::event(const unpaired_record_event_64 &event)
{
    any_record_ = true;
    count_event(event.number);
    const Function *called = function(event.function);
    if (called == nullptr)
        return;
    begin_cycle_if_called(event);
    switch (event.what) {
    case UNPAIRED_EVENT_ACQUIRE:
        acquired_at_site(event, *called);
        break;
    case UNPAIRED_EVENT_ACQUIRE_AT: {
        const uint32_t site = place_site(event.function, event.place, called->family);
        acquire(event, *called, site != 0 ? site : new_site(event.function, called->family));
        break;
    }
    case UNPAIRED_EVENT_ACQUIRE_FAILED:
        if (uint32_t site = place_site(event.function, event.place, called->family); site != 0)
            counter(site).failed++;
        break;
    case UNPAIRED_EVENT_RELEASE:
        release(event, *called);
        break;
    case UNPAIRED_EVENT_RELEASE_FAILED:
        failed_release(event, *called);
        break;
    case UNPAIRED_EVENT_OBSERVE:
        if (Slot *slot = live(called->space, event.handle)) {
            slot->observed = event.function;
            slot->observed_result = clamped<int16_t>(static_cast<int32_t>(event.value));
        }
        break;
    default:
        other_anomaly(event, *called);
        break;
    }
}

void StreamRun::begin_cycle_if_called(const unpaired_record_event_64 &event)
{
    const bool succeeded = event.what == UNPAIRED_EVENT_ACQUIRE || event.what == UNPAIRED_EVENT_ACQUIRE_AT ||
                           event.what == UNPAIRED_EVENT_RELEASE;
    if (!succeeded || !cycle_functions_.contains(event.function))
        return;
    cycle_++;
    if (unpaired_mark_is_kept(cycle_) != 0)
        trace_.marks.push_back({the_image, cycle_, time_ms_, ""});
}

void StreamRun::acquired_at_site(const unpaired_record_event_64 &event, const Function &function)
{
    Told &told = told_[{static_cast<uint16_t>(event.place), static_cast<uint8_t>(event.place >> 24)}];
    if (told.id == 0)
        told.id = new_site(event.function, function.family);
    acquire(event, function, told.id);
}

Slot *StreamRun::live(uint16_t space, uint64_t handle)
{
    auto at = live_.find({space, handle});
    return at == live_.end() ? nullptr : &at->second.back();
}

Counter &StreamRun::counter(uint32_t site)
{
    Counter &counter = counters_[site];
    counter.image = the_image;
    counter.site = site;
    return counter;
}

void StreamRun::acquire(const unpaired_record_event_64 &event, const Function &function, uint32_t site)
{
    uint16_t space = function.space;
    if (auto family = elf_.dictionary.families.find(trace_.sites[site].family);
        family != elf_.dictionary.families.end())
        space = family->second.space;
    auto kind = elf_.dictionary.spaces.find(space);
    const bool counted = kind != elf_.dictionary.spaces.end() && kind->second.kind == UNPAIRED_KIND_COUNTED;
    // what is handed out again was given back meanwhile, and we did not see it
    if (Slot *old = counted ? nullptr : live(space, event.handle)) {
        counter(old->site).released_unseen++;
        retire(space, event.handle);
    }
    released_.erase({space, event.handle});

    Slot slot;
    slot.reference = ++acquisitions_;
    slot.image = the_image;
    slot.space = static_cast<uint8_t>(space);
    slot.handle = event.handle;
    slot.size = event.value;
    slot.sequence = 1;
    slot.site = site;
    slot.time_ms = time_ms_;
    slot.cycle = cycle_;
    live_[{space, event.handle}].push_back(slot);
    live_slots_++;

    Counter &sums = counter(site);
    sums.acquired++;
    sums.bytes += slot.size;
    uint64_t &bytes = live_bytes_[site];
    bytes += slot.size;
    sums.peak_bytes = std::max(sums.peak_bytes, bytes);
}

/// Takes the last acquisition of a handle out of what is live.
void StreamRun::retire(uint16_t space, uint64_t handle)
{
    auto at = live_.find({space, handle});
    if (at == live_.end())
        return;
    live_bytes_[at->second.back().site] -= at->second.back().size;
    at->second.pop_back();
    live_slots_--;
    if (at->second.empty())
        live_.erase(at);
}

void StreamRun::release(const unpaired_record_event_64 &event, const Function &function)
{
    const uint32_t place = place_site(event.function, event.place, 0);
    const Slot *slot = live(function.space, event.handle);
    if (slot == nullptr)
        return; // acquired before the capture began, or the acquisition was lost
    if (auto only = elf_.serves_only.find(event.function);
        only != elf_.serves_only.end() && !only->second.contains(trace_.sites[slot->site].family))
        anomaly(UNPAIRED_ANOMALY_MISMATCHED_RELEASE, event, function.space, slot->site, 0, slot);
    released_[{function.space, event.handle}] = {slot->site, place};
    retire(function.space, event.handle);
}

void StreamRun::failed_release(const unpaired_record_event_64 &event, const Function &function)
{
    Slot *slot = live(function.space, event.handle);
    const Anomaly &told = anomaly(UNPAIRED_ANOMALY_RELEASE_FAILED, event, function.space,
                                  slot != nullptr ? slot->site : 0, 0, slot);
    if (slot != nullptr)
        slot->release_site = told.release_site;
}

void StreamRun::other_anomaly(const unpaired_record_event_64 &event, const Function &function)
{
    const uint16_t space = function.space;
    const Slot *slot = live(space, event.handle);
    const uint32_t acquired_at = slot != nullptr ? slot->site : 0;
    switch (event.what) {
    case UNPAIRED_EVENT_RELEASE_ERROR:
        anomaly(UNPAIRED_ANOMALY_RELEASED_WITH_ERROR, event, space, acquired_at, 0, slot);
        retire(space, event.handle);
        break;
    case UNPAIRED_EVENT_RELEASE_UNKNOWN:
        anomaly(UNPAIRED_ANOMALY_RELEASE_UNKNOWN, event, space, 0, 0, nullptr);
        break;
    case UNPAIRED_EVENT_DOUBLE_RELEASE: {
        auto first = released_.find({space, event.handle});
        const ReleasedAt at = first != released_.end() ? first->second : ReleasedAt{0, 0};
        anomaly(UNPAIRED_ANOMALY_DOUBLE_RELEASE, event, space, at.acquire_site, at.release_site, nullptr);
        break;
    }
    case UNPAIRED_EVENT_TAG_OVERWRITTEN:
        anomaly(UNPAIRED_ANOMALY_TAG_OVERWRITTEN, event, space, acquired_at, 0, slot);
        break;
    case UNPAIRED_EVENT_REINITIALISED:
        // an object that was live before the capture began has no site here, and is lost all the same
        anomaly(UNPAIRED_ANOMALY_REINITIALISED_LIVE, event, space, acquired_at, 0, slot);
        retire(space, event.handle);
        break;
    default:
        break; // of a later version
    }
}

/// The record of what happened, with this time counted.
Anomaly &StreamRun::anomaly(uint8_t kind, const unpaired_record_event_64 &event, uint16_t space,
                            uint32_t acquire_site, uint32_t first_release_site, const Slot *slot)
{
    const uint32_t release_site = place_site(event.function, event.place, 0);
    const auto result = static_cast<int32_t>(event.value);
    auto [at, added] = anomalies_.try_emplace({kind, event.function, acquire_site, release_site, result});
    if (added) {
        at->second = trace_.anomalies.size();
        Anomaly &fresh = trace_.anomalies.emplace_back();
        fresh.image = the_image;
        fresh.kind = kind;
        fresh.space = static_cast<uint8_t>(space);
        fresh.function = event.function;
        fresh.acquire_site = acquire_site;
        fresh.release_site = release_site;
        fresh.first_release_site = first_release_site;
        fresh.result = result;
        fresh.first_ms = time_ms_;
        fresh.handle = event.handle;
        fresh.size = slot != nullptr ? slot->size : 0;
    }
    Anomaly &told = trace_.anomalies[at->second];
    if (slot != nullptr && slot->observed != 0 && told.observed == 0) {
        told.observed = slot->observed;
        told.observed_result = slot->observed_result;
    }
    if (told.count == 0 || told.last_cycle != cycle_)
        told.cycles++;
    told.last_cycle = cycle_;
    told.last_ms = time_ms_;
    told.count++;
    told.bytes += slot != nullptr ? slot->size : 0;
    return told;
}

// ---- time

bool StreamRun::clock(const unpaired_record_clock &clock)
{
    if (first_clock_ms_ && clock.time_ms + clock_slack_ms < time_ms_ && time_ms_ < clock_wraps_above)
        return false;
    any_record_ = true;
    if (!first_clock_ms_)
        first_clock_ms_ = clock.time_ms;
    time_ms_ = clock.time_ms;
    if (cycle_functions_.empty())
        cycle_ = std::max(cycle_, clock.cycle);
    std::copy(std::begin(clock.drops), std::end(clock.drops), std::begin(device_drops_));
    return true;
}

void StreamRun::mark(uint32_t cycle, uint32_t time_ms)
{
    if (cycle_functions_.empty())
        cycle_ = std::max(cycle_, cycle);
    if (!first_clock_ms_)
        first_clock_ms_ = time_ms;
    time_ms_ = std::max(time_ms_, time_ms);
}

/// Records that a trace's log has too.
void StreamRun::other(const StreamRecord &record)
{
    any_record_ = true;
    log_bytes_ += record.words.size_bytes();
    const size_t marks = trace_.marks.size(), ends = trace_.ends.size(), facts = trace_.anomalies.size();
    read_log(record.words, record.words.size_bytes(), trace_);
    for (size_t i = marks; i < trace_.marks.size(); i++) {
        trace_.marks[i].image = the_image;
        mark(trace_.marks[i].cycle, trace_.marks[i].time_ms);
    }
    if (!cycle_functions_.empty())
        trace_.marks.resize(marks);
    for (size_t i = ends; i < trace_.ends.size(); i++)
        trace_.ends[i].image = the_image;
    for (size_t i = facts; i < trace_.anomalies.size(); i++) {
        Anomaly &told = trace_.anomalies[i];
        told.image = the_image;
        // the device names sites by its own numbers, whose generation it does not tell: the last one counts
        uint32_t site = 0;
        for (const auto &[key, at] : told_)
            if (key.first == told.acquire_site && told.acquire_site != 0)
                site = std::max(site, at.id);
        told.acquire_site = site;
        told.release_site = told.function <= UINT8_MAX
                                ? place_site(static_cast<uint8_t>(told.function), told.release_site, 0)
                                : 0;
        told.first_release_site = 0;
    }
}

} // namespace unpaired
