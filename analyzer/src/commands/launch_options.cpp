#include "commands/launch_options.h"

#include "commands/cycle_option.h"
#include "commands/option_values.h"
#include "commands/trouble.h"
#include "commands/usage_error.h"

#include <fmt/format.h>

namespace unpaired {
namespace {

/// "" if it is a size the recorder takes: digits, then perhaps K, M or G.
std::string known_size(const std::string &text)
{
    const std::optional<Amount> size = parse_amount(text);
    return size && size->unit != "B" ? "" : fmt::format("'{}' is no size such as 512M", text);
}

} // namespace

void add_recording_options(CLI::App &command, RecordingOptions &options)
{
    const std::string group = "How the program is recorded";
    command.add_option("--locks", options.locks, "Record which thread holds which lock: on or off.")
        ->option_text("on|off")
        ->check(one_of("choice", {"on", "off"}))
        ->group(group);
    command
        .add_option("--reachability", options.reachability,
                    "Search memory at the end for pointers to what was never released: on (default) or off.")
        ->option_text("on|off")
        ->check(one_of("choice", {"on", "off"}))
        ->group(group);
    command
        .add_flag(
            "--every-event", options.every_event,
            "Log every acquisition and release, not only what is left. Counts, bytes and peaks of the report "
            "are then told from these events. The trace grows with time.")
        ->group(group);
    command
        .add_option(
            "--walk", options.walk,
            "How stacks are found: by the unwind rules of each file (default), or by frame pointers, for "
            "programs "
            "built with them (-fno-omit-frame-pointer): faster; libraries built without them are left out.")
        ->option_text("rules|frame-pointers")
        ->check(one_of("choice", {"rules", "frame-pointers"}))
        ->group(group);
    command
        .add_option(
            "--max-trace", options.max_trace,
            "How far the trace may grow, as in 512M (default 1G). What does not fit is counted, not kept.")
        ->option_text("SIZE")
        ->check(CLI::Validator(known_size, "", "size"))
        ->group(group);
    add_cycle_option(command, group, options.cycle);
}

Command command_of(const CLI::App &app, const Command &behind_dashes)
{
    const Command left_over = app.remaining();
    if (!left_over.empty() && left_over.front().starts_with('-'))
        throw Trouble(unknown_option(app, left_over.front()));
    if (!left_over.empty() && !behind_dashes.empty())
        throw Trouble(fmt::format("'{}' before -- is no option (see unpaired {} --help).", left_over.front(),
                                  app.get_name()));
    if (left_over.empty() && behind_dashes.empty())
        throw Trouble(fmt::format("which program? unpaired {} [options] -- PROGRAM [ARGS]", app.get_name()));
    return left_over.empty() ? behind_dashes : left_over;
}

LaunchOptions launch_options(const RecordingOptions &recording, const Command &command)
{
    LaunchOptions options;
    options.command = command;
    if (!recording.locks.empty())
        options.locks = recording.locks == "on";
    if (!recording.reachability.empty())
        options.reachability = recording.reachability == "on";
    options.walk = recording.walk;
    options.every_event = recording.every_event;
    options.max_trace = recording.max_trace;
    require_cycle_function(recording.cycle);
    options.cycle_function = recording.cycle;
    return options;
}

} // namespace unpaired
