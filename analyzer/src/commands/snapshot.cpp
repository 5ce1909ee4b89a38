#include "commands/snapshot.h"
#include "commands/plain_output.h"

#include "commands/make_report.h"
#include "commands/open_descriptors.h"
#include "commands/running.h"
#include "commands/terminal.h"
#include "commands/trouble.h"
#include "input/core_layout.h"
#include "input/core_trace.h"
#include "input/live_process.h"
#include "input/read_trace.h"
#include "passes/two_looks.h"
#include "writers/text.h"
#include "writers/text_canvas.h"
#include "writers/text_clean.h"
#include "writers/text_words.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <thread>
#include <unistd.h>

namespace unpaired {
namespace {

constexpr std::chrono::milliseconds between_looks(20);
constexpr size_t most_sentences = 20;

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
    trace_from_ledger(remains, read_trace(trace_path, Events::leave), image.id, process, tags);
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

Snapshot summed(const std::vector<SlotReach> &slots, const Image &image)
{
    Snapshot sums;
    sums.image = image;
    for (const SlotReach &one : slots) {
        Part &part = one.entry.state == UNPAIRED_REACH_REACHABLE        ? sums.reached.reachable
                     : one.entry.state == UNPAIRED_REACH_POSSIBLY       ? sums.reached.possibly
                     : (one.entry.flags & UNPAIRED_REACH_INDIRECT) != 0 ? sums.reached.indirectly_lost
                                                                        : sums.reached.lost;
        part.count++;
        part.bytes += one.size;
    }
    return sums;
}

void print_sums(const LiveTrace &live, const Snapshot &snapshot)
{
    const Image &image = snapshot.image;
    print_plain("snapshot of process {} ({}), {} after its start{}\n", image.pid, base_name(image.program),
                duration_text((live.now_ms() - image.time_ms) / 1000.0),
                live.cycle() > 0 ? fmt::format(", in cycle {}", live.cycle()) : "");
    const Reached &reached = snapshot.reached;
    for (const auto &[words, part] :
         {std::pair("lost", reached.lost), std::pair("lost with them", reached.indirectly_lost),
          std::pair("possibly lost", reached.possibly), std::pair("reachable", reached.reachable)})
        if (part.count > 0)
            print_plain("  {:<14} {:>9}  {:<7} {:>10}\n", words, grouped(part.count),
                        part.count == 1 ? "block" : "blocks", bytes_text(part.bytes));
    if (!reached.any())
        print_plain("  no block of memory is recorded\n");
}

/// What a report made now says first of each place that lost something.
void print_lost(const LiveTrace &live, const std::vector<Snapshot> &snapshots)
{
    Trace trace = read_trace(live.path(), Events::leave);
    trace.running_pids = running_pids(trace, live.path());
    const Report report = cleaned(make_report({std::move(trace)}, ReportOptions(), {}));
    for (const ImageReport &image : report.images) {
        const bool looked_at = image.trace.end == "running" &&
                               std::any_of(snapshots.begin(), snapshots.end(), [&](const Snapshot &one) {
                                   return one.image.pid == static_cast<uint32_t>(image.trace.pid);
                               });
        std::vector<std::string> sentences;
        for (const Finding &finding : image.findings)
            if (looked_at && !finding.accepted() &&
                (finding.reached.lost.count + finding.reached.possibly.count) > 0)
                sentences.push_back(finding_sentence(finding, image.trace));
        if (sentences.empty())
            continue;
        print_plain("\nLost or possibly lost{}:\n",
                    snapshots.size() > 1 ? fmt::format(" in process {}", image.trace.pid) : "");
        for (size_t i = 0; i < std::min(sentences.size(), most_sentences); i++)
            print_plain("{}\n", wrapped(sentences[i], report_width(STDOUT_FILENO), 2, 4));
        if (sentences.size() > most_sentences)
            print_plain("  and {} more\n", sentences.size() - most_sentences);
    }
    print_plain("\n");
}

void add(Part &sum, const Part &part)
{
    sum.count += part.count;
    sum.bytes += part.bytes;
}

} // namespace

std::vector<Snapshot> take_snapshot(LiveTrace &live, const Trace &trace, const std::vector<Image> &images)
{
    std::vector<Snapshot> taken;
    for (const Image &image : images) {
        const OneLook first = look(trace.path, image);
        std::this_thread::sleep_for(between_looks);
        OneLook second = look(trace.path, image);
        second.slots = settle(first.slots, std::move(second.slots), second.trace, second.threads);
        write(live, second.slots, image);
        taken.push_back(summed(second.slots, image));
    }
    return taken;
}

std::string snapshot_line(const std::vector<Snapshot> &snapshots)
{
    Part lost, possibly;
    for (const Snapshot &snapshot : snapshots) {
        add(lost, snapshot.reached.lost);
        add(lost, snapshot.reached.indirectly_lost);
        add(possibly, snapshot.reached.possibly);
    }
    std::string line = fmt::format("snapshot: {} {} lost ({})", grouped(lost.count),
                                   lost.count == 1 ? "block" : "blocks", bytes_text(lost.bytes));
    if (possibly.count > 0)
        line += fmt::format(", {} possibly ({})", grouped(possibly.count), bytes_text(possibly.bytes));
    return line;
}

void print_snapshot(const LiveTrace &live, const std::vector<Snapshot> &snapshots)
{
    for (const Snapshot &snapshot : snapshots)
        print_sums(live, snapshot);
    print_lost(live, snapshots);
    print_plain("It is in the trace: unpaired report {}\n", live.path());
}

} // namespace unpaired
