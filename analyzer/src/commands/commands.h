// The commands of the executable: each adds itself to the command line and hands back what to do when chosen.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace unpaired {

/// Runs a command that was parsed, and returns the exit status. Throws Trouble or InputError.
using Action = std::function<int()>;

/// What follows the options of `run` and `record`: the program and its arguments, which are not ours to parse.
using Command = std::vector<std::string>;

/// What stood behind "--", or without one what CLI11 left over from the first word that is no option on. Throws
/// Trouble if there is neither, or an unknown option before the program.
Command command_of(const CLI::App &app, const Command &behind_dashes);

Action add_run(CLI::App &app, const Command &command);
Action add_record(CLI::App &app, const Command &command);
Action add_report(CLI::App &app);
Action add_diff(CLI::App &app);
Action add_postmortem(CLI::App &app);
Action add_ctl(CLI::App &app);
Action add_resources(CLI::App &app);
Action add_verify(CLI::App &app);

} // namespace unpaired
