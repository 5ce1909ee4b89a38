// unpaired record: records a program, and leaves its traces for later.
#include "commands/commands.h"
#include "commands/launch_options.h"
#include "commands/report_options.h"
#include "commands/running.h"
#include "commands/store_trace.h"
#include "commands/trouble.h"
#include "input/read_trace.h"
#include "writers/text_words.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <spdlog/spdlog.h>

namespace unpaired {
namespace {

struct Options {
    RecordingOptions recording;
    std::vector<std::string> owners;
    std::string output;
};

struct Recorded {
    std::string path;
    Trace trace;
};

std::vector<Recorded> read_traces(const Launched &launched)
{
    std::vector<Recorded> found;
    for (const std::string &path : launched.folder->traces()) {
        Recorded recorded = {path, {}};
        try {
            recorded.trace = read_trace(path, Events::leave);
            recorded.trace.running_pids = running_pids(recorded.trace, path);
        } catch (const InputError &error) {
            spdlog::warn("{}", error.what());
        }
        found.push_back(std::move(recorded));
    }
    // The program's own first: of those with its pid, the one begun first.
    const auto key = [&launched](const Recorded &r) {
        return std::make_tuple(r.trace.first_pid != static_cast<uint32_t>(launched.pid),
                               r.trace.started_realtime_ns);
    };
    std::stable_sort(found.begin(), found.end(),
                     [&key](const Recorded &a, const Recorded &b) { return key(a) < key(b); });
    return found;
}

std::string destination(const std::string &output, const std::string &trace, bool first)
{
    const std::string name = std::filesystem::path(trace).filename().string();
    if (output.empty())
        return "./unpaired." + name;
    return first ? output : output + "." + std::filesystem::path(name).stem().string();
}

/// Returns the file that `output` names, which may be a link to it. Throws Trouble if it is a device, a pipe or the like: a
/// trace takes the place of a file.
std::string file_behind(const std::string &output)
{
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(output, error);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
        !std::filesystem::is_directory(status))
        throw Trouble(
            fmt::format("cannot write the trace to '{}': it is not a regular file. Name a file.", output));
    if (!std::filesystem::is_symlink(std::filesystem::symlink_status(output, error)))
        return output;
    const std::filesystem::path target = std::filesystem::weakly_canonical(output, error);
    return error ? output : target.string();
}

/// Records the program, stores its traces, and returns its wait status.
int record_and_store(const Options &options, const Command &command)
{
    const std::string output = options.output.empty() ? "" : file_behind(options.output);
    LaunchOptions launching = launch_options(options.recording, command);
    launching.owners = options.owners;
    require_writable_place(output.empty() ? "./unpaired.trace" : output);

    const Launched launched = launch(launching);
    for (const std::string &problem : launched.problems)
        spdlog::warn("{}", problem);
    const std::vector<Recorded> traces = read_traces(launched);
    if (traces.empty())
        spdlog::warn("{}", not_recorded(launched.program));
    bool first = true;
    for (const Recorded &recorded : traces) {
        const std::string to = destination(output, recorded.path, first);
        first = false;
        try {
            const uint64_t bytes = store_trace(recorded.path, to);
            for (const uint32_t pid : recorded.trace.running_pids)
                spdlog::warn("process {} still runs: its trace is as of now", pid);
            spdlog::info("trace of {} written to {} ({})",
                         std::filesystem::path(recorded.path).stem().string(), to, bytes_text(bytes));
        } catch (const Trouble &trouble) {
            launched.folder->keep();
            throw Trouble(
                fmt::format("{} The traces are still in {}.", trouble.what(), launched.folder->path()));
        }
    }
    return launched.wait_status;
}

int record(const Options &options, const Command &command)
{
    return end_as_the_program(record_and_store(options, command));
}

} // namespace

Action add_record(CLI::App &app, const Command &program)
{
    auto options = std::make_shared<Options>();
    CLI::App *command =
        app.add_subcommand("record", "Run a program, and keep its trace for unpaired report.");
    command
        ->add_option("-o,--output", options->output,
                     "The trace file (default ./unpaired.EXE.PID.trace). Programs it starts leave theirs "
                     "beside it, as "
                     "FILE.EXE.PID.")
        ->option_text("FILE");
    command
        ->add_option("--owner", options->owners,
                     "Who owns what is acquired in a function, source file or library, as in 'mqtt_*=MQTT'; "
                     "may be given "
                     "several times.")
        ->option_text("PATTERN=NAME")
        ->allow_extra_args(false);
    add_recording_options(*command, options->recording);
    command->footer("The command ends as the program does: with its exit status, or by the same signal.\n\n"
                    "Examples:\n"
                    "  unpaired record -- ./server\n"
                    "  unpaired record -o soak.trace --max-trace 4G -- ./gateway --config soak.conf\n"
                    "  unpaired report soak.trace");
    command->prefix_command();
    return [options, command, &program] { return record(*options, command_of(*command, program)); };
}

} // namespace unpaired
