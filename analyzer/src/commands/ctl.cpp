// unpaired ctl: talks to a live recording through words in its mapped trace.
#include "commands/commands.h"
#include "commands/live_trace.h"
#include "commands/mark.h"
#include "commands/option_values.h"
#include "commands/plain_output.h"
#include "commands/running.h"
#include "commands/snapshot.h"
#include "commands/trouble.h"
#include "input/read_trace.h"
#include "writers/text_words.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <spdlog/spdlog.h>

namespace unpaired {
namespace {

struct CtlOptions {
    std::string target, action, mark;
};

uint64_t dropped(const Trace &trace)
{
    uint64_t sum = 0;
    for (const uint64_t drop : trace.drops)
        sum += drop;
    return sum;
}

void status_of_image(const Trace &trace, const Image &image, bool running)
{
    print_plain("process {}  {}  {}\n", image.pid,
                image.program.empty() ? "(unknown program)" : image.program, running ? "running" : "ended");
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
    print_plain("  acquired {}, failed {}, live {}\n", grouped(acquired), grouped(failed),
                grouped(live_total));
    for (const auto &[family, total] : live)
        print_plain("  {:>12}  {}{}\n", grouped(total.first), family_noun(family, total.first),
                    total.second ? fmt::format(" ({})", bytes_text(total.second)) : "");
}

void status(const LiveTrace &live, const Trace &trace)
{
    const bool running = !trace.running_pids.empty();
    print_plain("{}, cycle {}, for {}\n",
                !running         ? "ended"
                : live.stopped() ? "stopped: acquisitions are not recorded"
                                 : "recording",
                live.cycle(), duration_text(live.now_ms() / 1000.0));
    for (const auto &[id, image] : trace.images)
        status_of_image(trace, image,
                        std::find(trace.running_pids.begin(), trace.running_pids.end(), image.pid) !=
                            trace.running_pids.end());
    print_plain("trace {}\n  {} of {} used, {} not recorded\n", live.path(), bytes_text(live.used()),
                bytes_text(live.capacity()), grouped(dropped(trace)));
    for (const std::string &damage : trace.damage)
        print_plain("  {}\n", damage);
}

int ctl(const CtlOptions &options)
{
    if (const std::string problem = mark_name_problem(options.mark);
        options.action == "mark" && !problem.empty())
        throw Trouble(problem);
    if (options.action != "mark" && !options.mark.empty())
        throw Trouble(fmt::format("'{}' takes no name, got '{}'.", options.action, options.mark));
    const std::string path = trace_of_target(options.target);
    LiveTrace live(path);
    Trace trace = read_trace(path, Events::leave);
    trace.running_pids = running_pids(trace, path);
    if (options.action == "status") {
        status(live, trace);
        return 0;
    }
    if (trace.running_pids.empty())
        throw Trouble(fmt::format("nobody records into '{}' any more.", path));
    if (options.action == "mark" && !trace.cycle_function.empty())
        throw Trouble(
            fmt::format("the cycles of '{}' are the calls of {} (it is recorded with --cycle): a mark "
                        "would begin none.",
                        path, trace.cycle_function));
    if (options.action == "mark")
        print_plain("cycle {} begun: {}\n", begin_cycle(live, trace, options.mark), options.mark);
    else if (options.action == "snapshot")
        print_snapshot(live, take_snapshot(live, trace, running_images(trace)));
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
            "mark: begin a cycle, such as a connection or a request; growth is told per cycle. snapshot: "
            "search the memory of the running program for pointers to what it has not released, write into "
            "the "
            "trace what is lost and who holds the rest, and print what is lost and where; the program is not "
            "stopped. status: what is recorded and live.")
        ->required()
        ->option_text("start|stop|mark|snapshot|status")
        ->check(one_of("action", {"start", "stop", "mark", "snapshot", "status"}));
    command->add_option("NAME", options->mark, "What the cycle is called (mark only).")->option_text("");
    command->footer("Examples:\n"
                    "  unpaired ctl 4711 status\n"
                    "  unpaired ctl $(pidof -s server) mark reconnect\n"
                    "  unpaired ctl 4711 snapshot\n"
                    "  unpaired ctl 4711 stop && ./warm-up && unpaired ctl 4711 start\n\n"
                    "Exit status: 0 done, 2 trouble (no such process, not recorded, not permitted).");
    return [options] { return ctl(*options); };
}

} // namespace unpaired
