#include "passes/describe.h"

#include "passes/names.h"
#include "words.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <sys/wait.h>

namespace unpaired {
namespace {

bool was_replaced(const ImageRecords &records, uint32_t pid)
{
    int execs = 0;
    for (const Exec *exec : records.execs)
        if (pid != 0 && exec->pid == pid)
            execs++;
    bool by_end = false;
    for (const End *end : records.ends) {
        if (end->kind == UNPAIRED_END_EXEC) {
            by_end = true;
        } else if (end->kind == UNPAIRED_END_EXEC_FAILED) {
            by_end = false;
            execs--;
        } else {
            return false; // it lived to exit
        }
    }
    return by_end || execs > 0;
}

bool has_exited(const ImageRecords &records)
{
    return std::any_of(records.ends.begin(), records.ends.end(),
                       [](const End *end) { return end->kind == UNPAIRED_END_EXIT; });
}

void tell_ending(const Trace &trace, const ImageRecords &records, uint32_t pid, const Processes &processes,
                 ImageFacts &facts)
{
    if (was_replaced(records, pid)) {
        facts.ending = Ending::exec;
        facts.info.end = "exec";
        return;
    }
    bool exited = has_exited(records);
    for (const End *end : records.ends)
        if (end->kind == UNPAIRED_END_SIGNAL) {
            facts.ending = Ending::signal;
            facts.info.end = fmt::format("signal:{}", end->status);
            return;
        }
    for (const ChildEnd *child : processes.ends_of(pid)) {
        if (WIFSIGNALED(child->wait_status)) {
            facts.ending = Ending::signal;
            facts.info.end = fmt::format("signal:{}", WTERMSIG(child->wait_status));
            return;
        }
        exited = exited || WIFEXITED(child->wait_status);
    }
    if (exited) {
        facts.ending = Ending::exit;
        facts.info.end = "exit";
    } else if (std::find(trace.running_pids.begin(), trace.running_pids.end(), pid) !=
               trace.running_pids.end()) {
        facts.ending = Ending::running;
        facts.info.end = "running";
    } else {
        facts.ending = Ending::truncated;
        facts.info.end = "truncated";
    }
}

/// A firmware's main() hardly ever returns; where it does (a test image), that is a normal exit.
void tell_ending_of_device(const Trace &trace, const PairedImage &paired, ImageFacts &facts)
{
    const bool exited = has_exited(paired.records);
    auto image = trace.images.find(paired.image);
    const bool restarted = image != trace.images.end() && image->second.restarted;
    facts.ending = exited ? Ending::exit : Ending::device;
    facts.info.end = exited ? "exit" : restarted ? "restarted" : "running";
    if (trace.source == source_ram)
        facts.info.end = "truncated"; // an image does not tell whether the device still ran
}

/// Acquisitions that failed are no leak, but often what a leak led to.
void tell_failed(const Trace &trace, const PairedImage &paired, std::vector<std::string> &remarks)
{
    std::map<std::string, uint64_t> failed;
    for (const SiteTally &tally : paired.sites)
        if (tally.failed > 0)
            failed[function_name(trace, trace.sites.at(tally.site).function)] += tally.failed;
    for (const auto &[function, count] : failed)
        remarks.push_back(fmt::format("{} failed {}", function_text(function),
                                      count == 1 ? "once" : fmt::format("{} times", count)));
}

uint32_t last_seen_ms(const Trace &trace, const PairedImage &paired, uint32_t pid, const Processes &processes)
{
    const ImageRecords &records = paired.records;
    uint32_t last = std::max(records.last_slot_ms, records.last_mark_ms);
    const auto see = [&last](uint32_t time_ms) { last = std::max(last, time_ms); };
    if (auto image = trace.images.find(paired.image); image != trace.images.end())
        see(image->second.last_ms);
    for (const End *end : records.ends)
        see(end->time_ms);
    for (const Anomaly *anomaly : records.anomalies)
        see(anomaly->last_ms);
    for (const Descriptors *table : records.descriptors)
        see(table->time_ms);
    for (const ChildEnd *child : processes.ends_of(pid, trace))
        see(child->time_ms);
    return last;
}

const char *source_name(uint8_t source)
{
    switch (source) {
    case UNPAIRED_SOURCE_WRAP:
        return "wrap";
    case source_core:
        return "core";
    case source_ram:
        return "ram";
    default:
        return "preload";
    }
}

const char *drop_text(int kind)
{
    switch (kind) {
    case UNPAIRED_DROP_NO_SPACE:
        return "acquisitions were not recorded: the trace was full, or the disk (raise --max-trace or free "
               "space)";
    case UNPAIRED_DROP_LOG:
        return "log records found no room";
    case UNPAIRED_DROP_REENTERED:
        return "events of signal handlers that interrupted the recorder were not recorded";
    case UNPAIRED_DROP_INDEX:
        return "handles could not be indexed: their releases were not seen";
    case UNPAIRED_DROP_SEARCH:
        return "releases of untagged blocks were not looked up by address";
    case UNPAIRED_DROP_EVENT:
        return "events found no room in the log of every event (raise --max-trace or free space); the report "
               "goes by the "
               "ledger";
    default:
        return "events were lost for a reason this version does not know";
    }
}

void tell_notes(const ImageRecords &records, std::vector<std::string> &remarks)
{
    for (const Note *one : records.notes) {
        const Note &note = *one;
        std::string from = note.text.empty() ? "" : fmt::format(" ({})", note.text);
        switch (note.note) {
        case UNPAIRED_NOTE_FOREIGN_ALLOCATOR:
            remarks.push_back(
                fmt::format("the program brings its own malloc{}: heap blocks were not recorded", from));
            break;
        case UNPAIRED_NOTE_FOREIGN_NEW:
            remarks.push_back(
                fmt::format("the program brings its own operator new{}: what it hands out counts as "
                            "what it is made of",
                            from));
            break;
        case UNPAIRED_NOTE_NO_SPACE:
            remarks.push_back(fmt::format("recording stopped for want of room{}", from));
            break;
        case UNPAIRED_NOTE_REACH_UNKNOWN:
            remarks.push_back(fmt::format("who still holds the memory that is left is not known{}", from));
            break;
        case UNPAIRED_NOTE_REACH_SKIPPED:
            remarks.push_back(
                fmt::format("its memory was not searched, so blocks that are left count as notes{}", from));
            break;
        case UNPAIRED_NOTE_SEALED:
            remarks.push_back(
                "the program filters its system calls (seccomp), so the recorder makes none from then on: "
                "who "
                "still holds the memory that is left, which descriptors the kernel has open at the end, "
                "and the names of later threads are not known");
            break;
        case UNPAIRED_NOTE_CYCLE_FUNCTION:
            break; // told with the cycles
        case UNPAIRED_NOTE_NO_CYCLE_FUNCTION:
            remarks.push_back(
                fmt::format("no cycles: the recorder was asked to begin one with each call of {}, "
                            "which it does not follow (unpaired resources lists what it does)",
                            note.text));
            break;
        default:
            remarks.push_back(fmt::format("the recorder notes{} (kind {})", from, note.note));
        }
    }
}

void tell_execs(const ImageRecords &records, std::vector<std::string> &remarks)
{
    std::map<std::string, uint64_t> unrecorded;
    for (const Exec *exec : records.execs)
        if ((exec->flags & UNPAIRED_EXEC_UNRECORDED) != 0)
            unrecorded[exec->program]++;
    for (const auto &[program, count] : unrecorded)
        remarks.push_back(fmt::format("it started {} without the recorder in its environment{}: not recorded",
                                      program, count > 1 ? fmt::format(" ({} times)", count) : ""));
}

} // namespace

Processes::Processes(const std::vector<Trace> &traces)
{
    for (const Trace &trace : traces) {
        Ends &own = ends_by_trace_[&trace];
        for (const ChildEnd &child : trace.child_ends)
            if (child.pid != 0) {
                own[child.pid].push_back(&child);
                ends_[child.pid].push_back(&child);
            }
        for (const auto &[id, image] : trace.images)
            if (image.recorded && image.pid != 0)
                recorded_.insert(image.pid);
    }
}

const std::vector<const ChildEnd *> &Processes::ends_of(uint32_t pid) const { return find(ends_, pid); }

const std::vector<const ChildEnd *> &Processes::ends_of(uint32_t pid, const Trace &trace) const
{
    return find(ends_by_trace_.at(&trace), pid);
}

const std::vector<const ChildEnd *> &Processes::find(const Ends &ends, uint32_t pid)
{
    static const std::vector<const ChildEnd *> none;
    auto at = ends.find(pid);
    return at == ends.end() ? none : at->second;
}

ImageFacts describe(const Trace &trace, const PairedImage &paired, const Processes &processes)
{
    ImageFacts facts;
    TraceInfo &info = facts.info;
    const uint16_t id = paired.image;
    info.source = source_name(trace.source);
    uint32_t pid = 0;
    if (auto at = trace.images.find(id); at != trace.images.end()) {
        const Image &image = at->second;
        pid = image.pid;
        info.program = image.program;
        info.command = image.command;
        info.pid = static_cast<int>(image.pid);
        info.parent = static_cast<int>(image.parent_pid);
        info.run = image.run;
        facts.run.start_ms = image.time_ms;
        if (!image.recorded)
            facts.remarks.push_back("the record that describes this process is missing");
        // a fork keeps its parent's program
        for (uint16_t parent = image.parent; info.program.empty() && parent != 0 && parent != id;) {
            auto up = trace.images.find(parent);
            if (up == trace.images.end() || up->second.parent >= parent)
                break;
            info.program = up->second.program;
            info.command = up->second.command;
            parent = up->second.parent;
        }
    }
    if (of_firmware(trace))
        tell_ending_of_device(trace, paired, facts);
    else
        tell_ending(trace, paired.records, pid, processes, facts);
    facts.run.end_ms = std::max(facts.run.start_ms, last_seen_ms(trace, paired, pid, processes));
    if (facts.ending == Ending::running) // it may have done nothing for a while
        facts.run.end_ms = std::max(facts.run.end_ms, trace.now_ms);
    info.duration_s = (facts.run.end_ms - facts.run.start_ms) / 1000.0;

    for (const SiteTally &site : paired.sites)
        info.events += site.acquired + site.released + site.released_unseen + site.failed;

    info.every_event = trace.told_by_events.contains(id);
    info.events_lost = trace.events_lost;
    info.damaged = trace.damaged;
    facts.remarks.insert(facts.remarks.end(), trace.damage.begin(), trace.damage.end());
    if (of_firmware(trace))
        tell_failed(trace, paired, facts.remarks);
    for (int kind = 0; kind < UNPAIRED_DROP_KINDS; kind++)
        if (trace.drops[kind] > 0) {
            if (kind != UNPAIRED_DROP_EVENT) // the ledger has what the log has not
                info.events_lost += trace.drops[kind];
            facts.remarks.push_back(fmt::format("{} {}", trace.drops[kind], drop_text(kind)));
        }
    tell_notes(paired.records, facts.remarks);
    tell_execs(paired.records, facts.remarks);
    if ((trace.control & UNPAIRED_CONTROL_STOPPED) != 0)
        facts.remarks.push_back("recording was stopped (unpaired ctl stop) and not started again");
    if (paired.unknown_descriptors > 0)
        facts.remarks.push_back(
            fmt::format("{} of unknown origin: inherited, or opened before recording began",
                        paired.unknown_descriptors == 1
                            ? "1 open descriptor is"
                            : fmt::format("{} open descriptors are", paired.unknown_descriptors)));
    return facts;
}

} // namespace unpaired
