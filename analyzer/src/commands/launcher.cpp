#include "commands/launcher.h"

#include "commands/inherited_descriptors.h"
#include "commands/live_trace.h"
#include "commands/program_check.h"
#include "commands/trouble.h"
#include "symbols/owner_rules.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace unpaired {
namespace {

constexpr std::string_view recorder_name = "libunpaired_preload.so";

std::string own_folder()
{
    std::error_code error;
    std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) // no /proc: the path that was passed to exec
        self = std::filesystem::canonical(reinterpret_cast<const char *>(getauxval(AT_EXECFN)), error);
    return error ? std::string(".") : self.parent_path().string();
}

/// LD_PRELOAD separates by blanks and colons and knows no quoting: a path with either gets a link without.
std::string spelled_for_loader(const std::string &recorder, const PrivateFolder &folder)
{
    if (recorder.find_first_of(" \t\n:;") == std::string::npos)
        return recorder;
    const std::string link = folder.path() + "/" + std::string(recorder_name);
    if (symlink(recorder.c_str(), link.c_str()) != 0)
        throw Trouble(fmt::format("cannot make a link to the recorder: {}.", std::strerror(errno)));
    return link;
}

/// What else was to be loaded, without a recorder of an unpaired around us.
std::string others_preloaded(const char *before)
{
    std::string kept;
    std::string_view rest = before ? before : "";
    while (!rest.empty()) {
        const size_t end = rest.find_first_of(" :");
        const std::string_view one = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        if (!one.empty() && !one.ends_with(recorder_name))
            kept += fmt::format(":{}", one);
    }
    return kept;
}

std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>> &changes)
{
    std::vector<std::string> environment;
    for (char **variable = environ; variable && *variable; variable++) {
        const std::string_view text = *variable;
        bool replaced = false;
        for (const auto &[name, value] : changes)
            replaced = replaced || (text.starts_with(name) && text.substr(name.size()).starts_with('='));
        if (!replaced)
            environment.emplace_back(text);
    }
    for (const auto &[name, value] : changes)
        environment.push_back(fmt::format("{}={}", name, value));
    return environment;
}

/// Compiles the rules into a file that the recorder maps, and returns its path.
std::string write_owner_rules(const LaunchOptions &options, Launched &launched)
{
    const std::vector<OwnerRule> rules = parse_owner_rules(options.owners);
    const std::vector<std::byte> blob = compile_rules(rules, launched.program, libraries_of(launched.program),
                                                      options.symbols, &launched.problems);
    const std::string path = launched.folder->path() + "/owner-rules";
    std::ofstream file(path, std::ios::binary); // the folder has mode 0700
    file.write(reinterpret_cast<const char *>(blob.data()), static_cast<std::streamsize>(blob.size()));
    file.close();
    if (!file)
        throw Trouble(fmt::format("cannot write '{}': {}.", path, std::strerror(errno)));
    return path;
}

std::string recorder_options(const LaunchOptions &options, Launched &launched)
{
    const char *inherited = getenv("UNPAIRED_OPTIONS");
    std::vector<std::string> words;
    if (inherited && *inherited)
        words.emplace_back(inherited);
    if (options.locks)
        words.push_back(fmt::format("--locks={}", *options.locks ? "on" : "off"));
    if (options.reachability)
        words.push_back(fmt::format("--reachability={}", *options.reachability ? "on" : "off"));
    if (!options.walk.empty())
        words.push_back(fmt::format("--walk={}", options.walk));
    if (options.every_event)
        words.emplace_back("--every-event");
    if (!options.max_trace.empty())
        words.push_back(fmt::format("--max-trace={}", options.max_trace));
    if (!options.cycle_function.empty())
        words.push_back(fmt::format("--cycle={}", options.cycle_function));
    if (!options.owners.empty())
        words.push_back(fmt::format("--owner-rules={}", write_owner_rules(options, launched)));
    return fmt::format("{}", fmt::join(words, " "));
}

/// In the trace of every program the process became: they bear its pid.
void note_end(Launched &launched)
{
    for (const std::string &path : launched.folder->traces()) {
        try {
            LiveTrace trace(path);
            if (trace.first_pid() != static_cast<uint32_t>(launched.pid))
                continue;
            unpaired_record_child_end record = {};
            record.pid = static_cast<uint32_t>(launched.pid);
            record.wait_status = launched.wait_status;
            record.time_ms = trace.now_ms();
            LogRecords records;
            records.add(UNPAIRED_RECORD_CHILD_END, record);
            trace.append(records, 0);
        } catch (const Trouble &trouble) {
            launched.problems.push_back(
                fmt::format("how the program ended could not be noted: {}", trouble.what()));
        }
    }
}

/// Starts the program and waits for its end. In the keeper of a launcher that was killed, takes over the launcher's
/// traces instead.
void run_program(const LaunchOptions &options, const std::vector<std::string> &environment,
                 SignalsHeld &signals, Launched &launched)
{
    launched.keeper = std::make_unique<ReportKeeper>(options.descriptors);
    ReportKeeper &keeper = *launched.keeper;
    if (keeper.took_over()) {
        if (keeper.program() == 0)
            throw Trouble("killed before the program was started.");
        launched.pid = keeper.program();
        launched.wait_status = keeper.wait_status();
        return;
    }
    SignalWitness witness;
    launched.pid = start_program(launched.program, options.command, environment, signals,
                                 [&keeper](pid_t pid) { keeper.program_started(pid); });
    release_inherited_descriptors(options.descriptors);
    launched.wait_status = wait_forwarding(launched.pid, witness);
    keeper.program_ended(launched.wait_status);
    signals.let_stop();
}

} // namespace

std::string find_recorder()
{
    const std::string here = own_folder();
    const std::vector<std::string> places = {
        here + "/../" UNPAIRED_LIBDIR,
        here + "/../lib",
        here + "/../lib/" UNPAIRED_TRIPLET,
        here + "/../lib64",
        here + "/../interposer",
        here,
    };
    for (const std::string &place : places) {
        char *real = realpath((place + "/" + std::string(recorder_name)).c_str(), nullptr);
        if (!real)
            continue;
        const std::string found = real;
        free(real);
        return found;
    }
    throw Trouble(fmt::format(
        "cannot find {}, which does the recording: it belongs into ../lib beside {} (searched {}).",
        recorder_name, here, fmt::join(places, ", ")));
}

Launched launch(const LaunchOptions &options)
{
    Launched launched;
    launched.program = find_program(options.command.at(0));
    require_recordable(launched.program, options.command.at(0));
    parse_owner_rules(options.owners); // a rule that is none is told before anything is made
    const std::string recorder = find_recorder();
    SignalsHeld signals;
    launched.folder = std::make_unique<PrivateFolder>();

    const std::string preload =
        spelled_for_loader(recorder, *launched.folder) + others_preloaded(getenv("LD_PRELOAD"));
    const std::vector<std::string> environment =
        environment_with({{"LD_PRELOAD", preload},
                          {"UNPAIRED_OUTPUT", launched.folder->path() + "/%e.%p.trace"},
                          {"UNPAIRED_OPTIONS", recorder_options(options, launched)}});
    run_program(options, environment, signals, launched);
    note_end(launched);
    return launched;
}

std::string not_recorded(const std::string &program)
{
    return fmt::format(
        "'{}' left no trace: the recorder was not loaded, or could not make its file (a sandbox, a full or "
        "read-only file system, an environment cleared before the program started). Nothing is known "
        "about what it acquired.",
        program);
}

int end_as_the_program(int wait_status)
{
    const int status = exit_status_of(wait_status);
    if (WIFSIGNALED(wait_status))
        end_by_signal(WTERMSIG(wait_status), status);
    return status;
}

int exit_status_of(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

} // namespace unpaired
