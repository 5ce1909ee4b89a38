// unpaired ctl: talks to a live recording through words in its mapped trace.
#include "commands/commands.h"
#include "commands/live_trace.h"
#include "commands/running.h"
#include "commands/trouble.h"
#include "input/read_trace.h"
#include "writers/text_words.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <optional>
#include <spdlog/spdlog.h>

namespace unpaired {
namespace {

struct CtlOptions {
    std::string target, action, mark;
};

std::optional<uint32_t> number(std::string_view text)
{
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::string trace_path(const std::string &target)
{
    // A file that is named like a number needs its folder: ./1234
    if (const std::optional<uint32_t> pid = number(target))
        return trace_of_process(*pid);
    return target;
}

/// What the kernel has open in process `pid`, as a bitmap; nothing if it may not be looked at.
std::vector<uint64_t> open_descriptors(uint32_t pid)
{
    std::vector<uint64_t> words;
    std::error_code ignored;
    for (const auto &entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), ignored)) {
        const std::optional<uint32_t> fd = number(entry.path().filename().string());
        if (!fd)
            continue;
        words.resize(std::max<size_t>(words.size(), *fd / 64 + 1));
        words[*fd / 64] |= uint64_t{1} << (*fd % 64);
    }
    return words;
}

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

/// Those of the trace's images that still run, one per process: after a fork and a fork, the youngest.
std::vector<Image> running_images(const Trace &trace)
{
    std::map<uint32_t, Image> by_pid;
    for (const auto &[id, image] : trace.images)
        if (std::find(trace.running_pids.begin(), trace.running_pids.end(), image.pid) !=
            trace.running_pids.end())
            by_pid[image.pid] = image;
    std::vector<Image> found;
    for (const auto &[pid, image] : by_pid)
        found.push_back(image);
    return found;
}

void mark(LiveTrace &live, const Trace &trace, const std::string &name)
{
    const uint32_t cycle = live.begin_cycle();
    const uint32_t now = live.now_ms();
    const std::vector<Image> images = running_images(trace);
    LogRecords records;
    unpaired_record_mark record = {};
    record.image = images.front().id;
    record.name_len = static_cast<uint16_t>(name.size());
    record.cycle = cycle;
    record.time_ms = now;
    records.add(UNPAIRED_RECORD_MARK, record, name);
    for (const Image &image : images)
        add_descriptors(records, image, now, cycle);
    live.append(records, images.front().id);
    fmt::print("cycle {} begun: {}\n", cycle, name);
}

uint64_t dropped(const Trace &trace)
{
    uint64_t sum = 0;
    for (const uint64_t drop : trace.drops)
        sum += drop;
    return sum;
}

void status_of_image(const Trace &trace, const Image &image, bool running)
{
    fmt::print("process {}  {}  {}\n", image.pid, image.program.empty() ? "(unknown program)" : image.program,
               running ? "running" : "ended");
    uint64_t acquired = 0, failed = 0;
    for (const Counter &counter : trace.counters)
        if (counter.image == image.id) {
            acquired += counter.acquired;
            failed += counter.failed;
        }
    std::map<std::string, std::pair<uint64_t, uint64_t>> live;
    uint64_t live_total = 0;
    for (const Slot &slot : trace.slots) {
        const auto site = trace.sites.find(slot.site);
        if (slot.image != image.id || site == trace.sites.end())
            continue;
        const auto family = trace.dictionary.families.find(site->second.family);
        auto &[count, bytes] = live[family == trace.dictionary.families.end() ? "?" : family->second.name];
        count++;
        bytes += slot.size;
        live_total++;
    }
    fmt::print("  acquired {}, failed {}, live {}\n", grouped(acquired), grouped(failed),
               grouped(live_total));
    for (const auto &[family, total] : live)
        fmt::print("  {:>12}  {}{}\n", grouped(total.first), family_noun(family, total.first),
                   total.second ? fmt::format(" ({})", bytes_text(total.second)) : "");
}

void status(const LiveTrace &live, const Trace &trace)
{
    const bool running = !trace.running_pids.empty();
    fmt::print("{}, cycle {}, for {}\n",
               !running         ? "ended"
               : live.stopped() ? "stopped: acquisitions are not recorded"
                                : "recording",
               live.cycle(), duration_text(live.now_ms() / 1000.0));
    for (const auto &[id, image] : trace.images)
        status_of_image(trace, image,
                        std::find(trace.running_pids.begin(), trace.running_pids.end(), image.pid) !=
                            trace.running_pids.end());
    fmt::print("trace {}\n  {} of {} used, {} not recorded\n", live.path(), bytes_text(live.used()),
               bytes_text(live.capacity()), grouped(dropped(trace)));
    for (const std::string &damage : trace.damage)
        fmt::print("  {}\n", damage);
}

int ctl(const CtlOptions &options)
{
    if (options.action == "mark" && options.mark.empty())
        throw Trouble("mark wants a name: unpaired ctl PID mark NAME.");
    if (options.action != "mark" && !options.mark.empty())
        throw Trouble(fmt::format("'{}' takes no name, got '{}'.", options.action, options.mark));
    if (options.mark.size() > 255)
        throw Trouble("a mark's name has at most 255 bytes.");
    const std::string path = trace_path(options.target);
    LiveTrace live(path);
    Trace trace = read_trace(path);
    trace.running_pids = running_pids(trace, path);
    if (options.action == "status") {
        status(live, trace);
        return 0;
    }
    if (trace.running_pids.empty())
        throw Trouble(fmt::format("nobody records into '{}' any more.", path));
    if (options.action == "mark" && !trace.cycle_function.empty())
        throw Trouble(fmt::format("the cycles of '{}' are the calls of {} (it is recorded with --cycle): a mark "
                                  "would begin none.",
                                  path, trace.cycle_function));
    if (options.action == "mark")
        mark(live, trace, options.mark);
    else
        live.set_stopped(options.action == "stop");
    return 0;
}

} // namespace

Action add_ctl(CLI::App &app)
{
    auto options = std::make_shared<CtlOptions>();
    CLI::App *command = app.add_subcommand("ctl", "Talk to a recording that goes on.");
    command->add_option("TARGET", options->target, "Process id of the recorded program, or its trace file.")
        ->required()
        ->option_text("PID|TRACE");
    command
        ->add_option(
            "ACTION", options->action,
            "stop: record no acquisitions for now (releases of what was recorded still are). start: go on. "
            "mark: begin a cycle, such as a connection or a request; growth is told per cycle. status: what "
            "is recorded and live.")
        ->required()
        ->option_text("start|stop|mark|status")
        ->check(CLI::IsMember({"start", "stop", "mark", "status"}));
    command->add_option("NAME", options->mark, "What the cycle is called (mark only).")->option_text("");
    command->footer("Examples:\n"
                    "  unpaired ctl 4711 status\n"
                    "  unpaired ctl $(pidof -s server) mark reconnect\n"
                    "  unpaired ctl 4711 stop && ./warm-up && unpaired ctl 4711 start\n\n"
                    "Exit status: 0 done, 2 trouble (no such process, not recorded, not permitted).");
    return [options] { return ctl(*options); };
}

} // namespace unpaired
