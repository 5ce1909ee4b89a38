// The options of `run` and `record` that say how a program is recorded.
#pragma once

#include "commands/commands.h"
#include "commands/launcher.h"

#include <CLI/CLI.hpp>

namespace unpaired {

/// Values as the command line gives them.
struct RecordingOptions {
    std::string locks, reachability, walk, max_trace, cycle;
    bool every_event = false;
};

void add_recording_options(CLI::App &command, RecordingOptions &options);

/// For the launcher. Throws Trouble for a --cycle that is no function.
LaunchOptions launch_options(const RecordingOptions &recording, const Command &command);

} // namespace unpaired
