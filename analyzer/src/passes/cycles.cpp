#include "passes/cycles.h"

#include "input/function_names.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <set>

namespace unpaired {
namespace {

constexpr uint32_t long_run_ms = 1000; // from here on times are evidence

/// Cycles begun in all when the image ended. One of several ends before the others do.
uint32_t cycles_at_end(const Trace &trace, const PairedImage &paired, const Run &run)
{
    const uint16_t id = paired.image;
    const ImageRecords &records = paired.records;
    uint32_t all = trace.cycles;
    if (!trace.marks.empty())
        all = std::max(all, trace.marks.back().cycle);
    auto image = trace.images.find(id);
    const bool runs = image != trace.images.end() &&
                      std::find(trace.running_pids.begin(), trace.running_pids.end(), image->second.pid) !=
                          trace.running_pids.end();
    if (trace.images.size() <= 1 || runs)
        return all;
    uint32_t last = image == trace.images.end() ? 0 : image->second.cycle;
    const bool ended = !records.ends.empty();
    for (const Descriptors *table : records.descriptors) // the last table is recorded at the end
        if (ended)
            last = std::max(last, table->cycle);
    last = std::max(last, records.last_slot_cycle);
    // marks are in the order of their cycles, so the search from the end mostly stops at once
    for (auto mark = trace.marks.rbegin(); !ended && mark != trace.marks.rend() && mark->cycle > last; ++mark)
        if (mark->time_ms <= run.end_ms)
            last = mark->cycle;
    return std::min(last, all);
}

/// The calls of a function that the recording did not number.
Cycles estimated_cycles(const Trace &trace, const PairedImage &image, const Run &run,
                        const std::string &function)
{
    const std::set<uint16_t> ids = functions_called(trace.dictionary, function);
    uint64_t calls = 0;
    std::vector<uint32_t> times;
    for (const SiteTally &tally : image.sites) {
        if (!ids.contains(trace.sites.at(tally.site).function))
            continue;
        calls += tally.acquired;
        for (const std::vector<uint32_t> *slots : {&tally.live, &tally.parts})
            for (uint32_t slot : *slots)
                times.push_back(trace.slots[slot].time_ms);
    }
    Cycles cycles;
    if (calls == 0 || calls > std::numeric_limits<uint32_t>::max())
        return cycles;
    cycles.source = "function";
    cycles.name = function;
    cycles.count = static_cast<uint32_t>(calls);
    std::sort(times.begin(), times.end());
    const size_t distinct = std::set<uint32_t>(times.begin(), times.end()).size();
    // several in one tick of the clock would make steps of what is none
    const bool tell_times =
        times.size() == calls && distinct * 2 > times.size() && run.duration_ms() >= long_run_ms;
    if (tell_times)
        cycles.begun_ms = std::move(times);
    cycles.remark = fmt::format(
        "cycles: {} calls of {}; when each was made is {} (record with --cycle={} to "
        "know)",
        calls, function, tell_times ? "told from the times of what is left of them" : "not known", function);
    return cycles;
}

} // namespace

Cycles given_cycles(const Trace &trace, const PairedImage &image, const Run &run, const std::string &function)
{
    if (!function.empty() && function != trace.cycle_function)
        return estimated_cycles(trace, image, run, function);
    Cycles cycles;
    if (auto at = trace.images.find(image.image); at != trace.images.end())
        cycles.first = at->second.cycle;
    const uint32_t last = cycles_at_end(trace, image, run);
    if (last <= cycles.first)
        return {};
    cycles.count = last - cycles.first;
    cycles.numbered = true;
    cycles.source = trace.cycle_function.empty() ? "marks" : "function";
    cycles.name = trace.cycle_function.empty() ? image.records.of_trace->mark_name : trace.cycle_function;
    return cycles;
}

void place_in_cycles(std::vector<Described> &findings, const Cycles &cycles)
{
    auto place = [&](const Age &age) -> uint32_t {
        if (cycles.numbered)
            return std::clamp(age.cycle, cycles.first, cycles.first + cycles.count) - cycles.first;
        return static_cast<uint32_t>(
            std::upper_bound(cycles.begun_ms.begin(), cycles.begun_ms.end(), age.time_ms) -
            cycles.begun_ms.begin());
    };
    for (Described &one : findings)
        for (Age &age : one.ages)
            age.cycle = place(age);
}

GrowthVerdict growth_of(const Described &one, const Cycles &cycles, const Run &run)
{
    const uint64_t released = one.finding.released;
    if (cycles.count > 0 && !cycles.placed())
        return judge_growth_by_number(one.finding.count, one.ages, run, cycles.count, released);
    Run placed = run;
    placed.cycles = cycles.count;
    GrowthVerdict verdict = judge_growth(one.ages, placed, released);
    if (one.ages.empty() && cycles.numbered && one.cycles >= 3) {
        // lost ones have no slots left whose ages could tell
        const bool in_most = uint64_t{one.cycles} * 2 >= cycles.count;
        verdict.growth = in_most ? Growth::linear : Growth::step;
        verdict.per_cycle = static_cast<double>(one.finding.count) / (in_most ? one.cycles : cycles.count);
    }
    return verdict;
}

CallsTold calls_told(const Trace &trace, const std::string &function)
{
    const std::set<uint16_t> ids = functions_called(trace.dictionary, function);
    CallsTold told;
    told.known = !ids.empty();
    if (trace.cycle_function == function) {
        told.counted = true;
        told.calls = trace.cycles;
        return told;
    }
    told.counted = std::any_of(ids.begin(), ids.end(), [&](uint16_t id) {
        return trace.dictionary.functions.at(id).role != UNPAIRED_ROLE_RELEASE;
    });
    for (const Counter &counter : trace.counters)
        if (auto site = trace.sites.find(counter.site);
            site != trace.sites.end() && ids.contains(site->second.function))
            told.calls += counter.acquired;
    return told;
}

} // namespace unpaired
