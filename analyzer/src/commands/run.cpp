// unpaired run: records a program, and prints the report when it ends.
#include "commands/commands.h"
#include "commands/launch_options.h"
#include "commands/limit_options.h"
#include "commands/make_report.h"
#include "commands/option_values.h"
#include "commands/report_options.h"
#include "commands/running.h"
#include "input/read_trace.h"
#include "writers/text_words.h"

#include <fmt/format.h>
#include <memory>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

namespace unpaired {
namespace {

struct Options {
    RecordingOptions recording;
    ReportOptions report;
    bool keep = false;
    int error_exitcode = -1;
};

/// Reads what the program left. A trace that cannot be read is told, and does not cost the others.
std::vector<Trace> read_traces(const Launched &launched, std::vector<std::string> &remarks)
{
    std::vector<Trace> traces;
    for (const std::string &path : launched.folder->traces()) {
        try {
            Trace trace = read_trace(path);
            note_running(trace, path);
            traces.push_back(std::move(trace));
        } catch (const InputError &error) {
            remarks.emplace_back(error.what());
        }
    }
    return traces;
}

int run(const Options &options, const Command &command)
{
    LaunchOptions launching = launch_options(options.recording, command);
    launching.owners = options.report.owners;
    launching.symbols = options.report.symbols;
    const ReportFiles files = check_report_options(options.report);
    require_known_families(parse_limits(options.report.limits),
                           {}); // not after the program has run for a day
    ReportOptions reporting = options.report;
    reporting.cycle_function = options.recording.cycle;

    Launched launched = launch(launching);
    std::vector<std::string> remarks = launched.problems;
    std::vector<Trace> traces = read_traces(launched, remarks);
    if (options.keep) {
        launched.folder->keep();
        spdlog::info("raw traces kept in {}", launched.folder->path());
    } else {
        launched.folder->remove();
    }
    launched.signals.reset(); // from here on Ctrl-C ends the analysis, and nothing is left behind

    const bool recorded = !traces.empty();
    Report report = make_report(traces, reporting, files);
    if (!recorded)
        remarks.push_back(not_recorded(launched.program));
    report.remarks.insert(report.remarks.begin(), remarks.begin(), remarks.end());
    write_report(report, options.report);
    const int own = exit_status_of(launched.wait_status);
    if (options.error_exitcode < 0 || !has_findings(report, options.report))
        return own;
    if (own != 0)
        spdlog::warn("the program itself failed, {}; the exit status {} is for the findings.",
                     WIFSIGNALED(launched.wait_status)
                         ? "killed by " + signal_name(WTERMSIG(launched.wait_status))
                         : fmt::format("with status {}", own),
                     options.error_exitcode);
    return options.error_exitcode;
}

} // namespace

Action add_run(CLI::App &app, const Command &program)
{
    auto options = std::make_shared<Options>();
    CLI::App *command =
        app.add_subcommand("run", "Run a program, and report what it never gave back when it ends.");
    add_recording_options(*command, options->recording);
    add_report_options(*command, options->report);
    const std::string group = "What is left behind";
    command->add_flag("--keep", options->keep, "Keep the raw traces, and say where they are.")->group(group);
    command
        ->add_option(
            "--error-exitcode", options->error_exitcode,
            "Exit status if there are findings (see --fail-on); otherwise it is always the program's own.")
        ->option_text("N")
        ->check(whole_number_in(0, 255))
        ->group(group);
    command->footer(
        formats_help() +
        "The program runs as it would without unpaired: same terminal, signals, exit status (128+N after\n"
        "signal N). Its report follows on stdout when it ends, whatever it dies of.\n\n"
        "Examples:\n"
        "  unpaired run -- ./server --port 502\n"
        "  unpaired run --owner 'mqtt_*=MQTT' --owner 'libmodbus.so*=MBUS' -- ./gateway\n"
        "  unpaired run --cycle=accept4 -- ./server\n"
        "  unpaired run --format=json -- ./server > report.json\n"
        "  unpaired run --error-exitcode=99 --suppressions known.supp -- make check");
    command->prefix_command();
    return [options, command, &program] { return run(*options, command_of(*command, program)); };
}

} // namespace unpaired
