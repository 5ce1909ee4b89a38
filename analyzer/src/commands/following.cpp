#include "commands/following.h"

#include "commands/make_report.h"
#include "commands/mark.h"
#include "commands/read_input.h"
#include "commands/running.h"
#include "commands/snapshot.h"
#include "commands/trouble.h"
#include "input/bytes.h"
#include "input/read_stream.h"
#include "input/read_trace.h"
#include "passes/pair.h"
#include "passes/stream_buffers.h"
#include "writers/text_clean.h"
#include "writers/text_words.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <numeric>
#include <time.h>

namespace unpaired {
namespace {

double seconds_since(std::chrono::steady_clock::time_point begun)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

double cpu_seconds_of_thread()
{
    struct timespec used = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

std::string name_of(const Trace &trace)
{
    const Image *first = nullptr;
    size_t others = 0;
    for (const auto &[id, image] : trace.images) {
        const bool runs = trace.running_pids.empty() ||
                          std::find(trace.running_pids.begin(), trace.running_pids.end(), image.pid) !=
                              trace.running_pids.end();
        if (!runs)
            continue;
        others += first != nullptr;
        if (!first)
            first = &image;
    }
    if (!first)
        return base_name(trace.path);
    const std::string program =
        first->program.empty() ? base_name(trace.path) : cleaned(base_name(first->program));
    if (first->pid == 0)
        return program;
    return others ? fmt::format("{} (process {} and {} more)", program, first->pid, others)
                  : fmt::format("{} (process {})", program, first->pid);
}

std::string not_for_streams(BesideLook beside)
{
    return beside == BesideLook::mark
               ? "a firmware begins its cycles itself (unpaired_mark)"
               : "a device's memory is not to be seen from here: see unpaired postmortem";
}

std::string marked(LiveTrace &live, const Trace &trace)
{
    const std::string name = trace.marks.empty() ? "mark" : trace.marks.back().name;
    return fmt::format("cycle {} begun: {}", begin_cycle(live, trace, name), cleaned(name));
}

/// What came of it, a line. That it could not be done is no reason to stop following.
std::string done_beside(BesideLook beside, const std::string &path, const Trace &trace)
{
    if (trace.running_pids.empty())
        return "nothing done: the program has ended";
    try {
        LiveTrace live(path);
        return beside == BesideLook::mark ? marked(live, trace)
                                          : snapshot_line(take_snapshot(live, trace, running_images(trace)));
    } catch (const std::runtime_error &problem) {
        return cleaned(problem.what());
    }
}

} // namespace

Following::Source Following::open_source(const std::string &target, bool with_firmware)
{
    Source source;
    source.pid = pid_of_text(target);
    const std::string path = trace_of_target(target);
    source.fd = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!source.fd)
        throw Trouble(fmt::format("cannot open '{}': {}.", path, std::strerror(errno)));
    source.path = fmt::format("/proc/self/fd/{}", source.fd.get());
    source.stream = !is_trace(source.path);
    if (!source.stream)
        return source;
    if (!holds_stream(source.path))
        throw Trouble(
            fmt::format("'{}' is not a trace that is being recorded; name a process, or the trace it "
                        "records into.",
                        path));
    if (!with_firmware)
        throw Trouble(stream_without_elf(path));
    source.path = path; // what stands in messages; nobody moves it
    return source;
}

Following::Following(const std::vector<std::string> &targets, const std::vector<std::string> &firmware,
                     const ReportOptions &options)
    : rules_(parse_owner_rules(options.owners)), symbolizer_(options.symbols)
{
    for (const std::string &path : firmware)
        firmware_.push_back(read_firmware_elf(std::filesystem::absolute(path).string()));
    for (const std::string &target : targets) {
        Source &source = sources_.emplace_back(open_source(target, !firmware.empty()));
        if (!source.stream && read(source).running_pids.empty())
            throw Trouble(fmt::format("nobody records into '{}' any more; unpaired report {} tells what it "
                                      "holds.",
                                      target, target));
    }
}

Trace Following::read(Source &source) const
{
    if (source.stream) {
        std::vector<Trace> runs = read_with(firmware_, source.path, {});
        if (runs.size() != source.runs)
            source.names = {}; // a device that restarted counts its sites anew
        source.runs = runs.size();
        return std::move(runs.back());
    }
    Trace trace = read_trace(source.path, Events::leave);
    trace.running_pids = running_pids(trace, source.path);
    return trace;
}

Look Following::look(BesideLook beside)
{
    Symbolize symbolize = symbolize_with(symbolizer_);
    Look look;
    look.tally.time_s = seconds_since(begun_);
    const auto begun = std::chrono::steady_clock::now();
    const double cpu_begun = cpu_seconds_of_thread();
    for (Source &source : sources_) {
        Trace trace = read(source);
        if (trace.running_pids.empty() && source.pid)
            try {
                // the process may go on with another program, and a trace of that one
                Source next = open_source(std::to_string(*source.pid), false);
                trace = read(next);
                source = std::move(next);
                look.another_program = true;
            } catch (const Trouble &) {
                // it has ended
            }
        if (!trace.running_pids.empty())
            source.pids = trace.running_pids;
        look.running = look.running || source.stream || !trace.running_pids.empty();
        if (&source == &sources_.front() && (name_.empty() || !trace.running_pids.empty()))
            name_ = name_of(trace);
        std::vector<PairedImage> images = pair(trace);
        source.names.learn(trace, images, rules_, symbolize);
        adopt_stream_buffers(trace, images, [&](uint32_t site) {
            const auto place = source.names.of(site);
            return place ? place->stack : Stack();
        });
        add_to(look.tally, trace, images, source.names, source.pids);
        look.tally.cycle = std::max(look.tally.cycle, trace.cycles);
        look.not_recorded +=
            std::accumulate(std::begin(trace.drops), std::end(trace.drops), uint64_t{0}) + trace.events_lost;
        if (beside != BesideLook::nothing)
            look.done = source.stream ? not_for_streams(beside) : done_beside(beside, source.path, trace);
    }
    look.name =
        sources_.size() == 1 ? name_ : fmt::format("{} and {} more traces", name_, sources_.size() - 1);
    look.reading_s = seconds_since(begun);
    look.cpu_s = cpu_seconds_of_thread() - cpu_begun;
    return look;
}

bool Following::still_running() const
{
    return std::any_of(sources_.begin(), sources_.end(), [](const Source &source) {
        return source.stream || std::any_of(source.pids.begin(), source.pids.end(),
                                            [&](uint32_t pid) { return maps_file(pid, source.path); });
    });
}

} // namespace unpaired
