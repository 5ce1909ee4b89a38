#include "commands/snapshot.h"

#include "commands/trouble.h"
#include "input/core_layout.h"
#include "input/core_trace.h"
#include "input/live_process.h"
#include "input/read_trace.h"
#include "passes/two_looks.h"
#include "writers/text_words.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <thread>

namespace unpaired {
namespace {

constexpr std::chrono::milliseconds between_looks(20);

/// What the kernel has open in process `pid`, as a bitmap; nothing if it may not be looked at.
std::vector<uint64_t> open_descriptors(uint32_t pid)
{
    std::vector<uint64_t> words;
    std::error_code ignored;
    for (const auto &entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), ignored)) {
        uint32_t fd = 0;
        const std::string name = entry.path().filename().string();
        if (std::from_chars(name.data(), name.data() + name.size(), fd).ec != std::errc())
            continue;
        words.resize(std::max<size_t>(words.size(), fd / 64 + 1));
        words[fd / 64] |= uint64_t{1} << (fd % 64);
    }
    return words;
}

struct OneLook {
    std::vector<SlotReach> slots;
    Trace trace; ///< as it was at that moment
    size_t threads = 0;
};

OneLook look(const std::string &trace_path, const Image &image)
{
    const CoreFile process = read_live_process(image.pid);
    const std::vector<CoreModule> modules = modules_of(process, fmt::format("/proc/{}/root", image.pid));
    const HeapTags tags = scan_heap_tags(process.memory);
    Remains remains;
    remains.memory = process.memory;
    trace_from_ledger(remains, read_trace(trace_path), image.id, process, tags);
    // names are for the report, which finds them by the addresses
    find_core_roots(
        remains, process, modules, tags, [](uint32_t) { return std::string(); },
        [](const CoreModule &) { return std::string(); });
    OneLook result;
    result.slots = reach_of_slots(remains);
    result.trace = std::move(remains.trace);
    result.threads = process.threads.size();
    return result;
}

void write(LiveTrace &live, const std::vector<SlotReach> &slots, const Image &image)
{
    LogRecords records;
    const uint32_t now = live.now_ms();
    add_descriptors(records, image, now, live.cycle());
    std::vector<unpaired_reach> entries;
    for (const SlotReach &one : slots) {
        entries.push_back(one.entry);
        if (one.beginning.empty())
            continue;
        unpaired_record_preview record = {};
        record.image = image.id;
        record.length = static_cast<uint16_t>(one.beginning.size());
        record.slot = one.reference;
        record.sequence = one.sequence;
        record.time_ms = now;
        records.add(
            UNPAIRED_RECORD_PREVIEW, record,
            std::string_view(reinterpret_cast<const char *>(one.beginning.data()), one.beginning.size()));
    }
    unpaired_reach_look header = {};
    header.time_ms = now;
    header.cycle = live.cycle();
    live.append(entries, header, image.id);
    live.append(records, image.id);
}

void print_summary(const LiveTrace &live, const OneLook &seen, const Image &image)
{
    struct Sum {
        const char *words;
        uint64_t count = 0, bytes = 0;
    };
    Sum lost{"lost"}, indirectly{"lost with them"}, possibly{"possibly lost"}, reachable{"reachable"};
    for (const SlotReach &one : seen.slots) {
        Sum &sum = one.entry.state == UNPAIRED_REACH_REACHABLE        ? reachable
                   : one.entry.state == UNPAIRED_REACH_POSSIBLY       ? possibly
                   : (one.entry.flags & UNPAIRED_REACH_INDIRECT) != 0 ? indirectly
                                                                      : lost;
        sum.count++;
        sum.bytes += one.size;
    }
    fmt::print("snapshot of process {} ({}), {} after its start{}\n", image.pid, base_name(image.program),
               duration_text((live.now_ms() - image.time_ms) / 1000.0),
               live.cycle() > 0 ? fmt::format(", in cycle {}", live.cycle()) : "");
    for (const Sum *sum : {&lost, &indirectly, &possibly, &reachable})
        if (sum->count > 0)
            fmt::print("  {:<14} {:>9}  {:<7} {:>10}\n", sum->words, grouped(sum->count),
                       sum->count == 1 ? "block" : "blocks", bytes_text(sum->bytes));
    if (seen.slots.empty())
        fmt::print("  no block of memory is recorded\n");
}

} // namespace

void add_descriptors(LogRecords &records, const Image &image, uint32_t time_ms, uint32_t cycle)
{
    constexpr size_t words_per_record = 1024; // 8 KiB: a record's length has 16 bits
    const std::vector<uint64_t> words = open_descriptors(image.pid);
    for (size_t at = 0; at < words.size(); at += words_per_record) {
        const size_t n = std::min(words_per_record, words.size() - at);
        unpaired_record_descriptors record = {};
        record.image = image.id;
        record.n_words = static_cast<uint16_t>(n);
        record.time_ms = time_ms;
        record.cycle = cycle;
        record.first = static_cast<uint32_t>(at * 64);
        records.add(UNPAIRED_RECORD_DESCRIPTORS, record,
                    std::string_view(reinterpret_cast<const char *>(&words[at]), n * sizeof words[0]));
    }
}

void take_snapshot(LiveTrace &live, const Trace &trace, const std::vector<Image> &images)
{
    for (const Image &image : images) {
        const OneLook first = look(trace.path, image);
        std::this_thread::sleep_for(between_looks);
        OneLook second = look(trace.path, image);
        second.slots = settle(first.slots, std::move(second.slots), second.trace, second.threads);
        write(live, second.slots, image);
        print_summary(live, second, image);
    }
    fmt::print("It is in the trace: unpaired report {}\n", live.path());
}

} // namespace unpaired
