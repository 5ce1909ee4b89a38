#include "commands/launch_options.h"

#include "commands/cycle_option.h"
#include "commands/trouble.h"

#include <charconv>
#include <fmt/format.h>

namespace unpaired {
namespace {

/// "" if it is a size the recorder takes: digits, then perhaps K, M or G.
std::string known_size(const std::string &text)
{
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
    if (error != std::errc() || value == 0 || !(unit.empty() || unit == "K" || unit == "M" || unit == "G"))
        return fmt::format("'{}' is not a size such as 512M", text);
    return {};
}

} // namespace

void add_recording_options(CLI::App &command, RecordingOptions &options)
{
    const std::string group = "How the program is recorded";
    command.add_option("--locks", options.locks, "Record which thread holds which lock: on or off.")
        ->option_text("on|off")
        ->check(CLI::IsMember({"on", "off"}))
        ->group(group);
    command
        .add_option("--reachability", options.reachability,
                    "Search memory at the end for pointers to what was never released: on (default) or off.")
        ->option_text("on|off")
        ->check(CLI::IsMember({"on", "off"}))
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
        throw Trouble(
            fmt::format("unknown option '{}' (see unpaired {} --help).", left_over.front(), app.get_name()));
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
    options.max_trace = recording.max_trace;
    require_cycle_function(recording.cycle);
    options.cycle_function = recording.cycle;
    return options;
}

} // namespace unpaired
