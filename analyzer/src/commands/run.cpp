// unpaired run: records a program, and prints the report when it ends.
#include "commands/commands.h"
#include "commands/launch_options.h"
#include "commands/limit_options.h"
#include "commands/make_report.h"
#include "commands/option_values.h"
#include "commands/report_options.h"
#include "commands/running.h"
#include "commands/trouble.h"
#include "input/read_trace.h"
#include "writers/text_words.h"

#include <cstdio>
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

/// The two facts that decide the exit status.
struct Outcome {
    int wait_status = 0;
    bool findings = false;
};

/// Makes the report from the program's traces and writes it. If that fails, keeps the traces.
Report report_on(const Launched &launched, const ReportOptions &options, const ReportFiles &files)
{
    try {
        std::vector<std::string> remarks = launched.problems;
        const std::vector<Trace> traces = read_traces(launched, remarks);
        Report report = make_report(traces, options, files);
        if (traces.empty())
            remarks.push_back(not_recorded(launched.program));
        report.remarks.insert(report.remarks.begin(), remarks.begin(), remarks.end());
        write_report(report, options);
        return report;
    } catch (const std::exception &problem) {
        if (launched.folder->traces().empty() || std::ferror(stderr)) // no message can name it
            throw;
        launched.folder->keep();
        throw Trouble(fmt::format("{} The traces are still in {}.", problem.what(), launched.folder->path()));
    }
}

Outcome record_and_report(const Options &options, const Command &command)
{
    LaunchOptions launching = launch_options(options.recording, command);
    launching.owners = options.report.owners;
    launching.symbols = options.report.symbols;
    launching.descriptors = descriptors_of_outputs(options.report);
    const ReportFiles files = check_report_options(options.report);
    require_known_families(parse_limits(options.report.limits),
                           {}); // not after the program has run for a day
    ReportOptions reporting = options.report;
    reporting.cycle_function = options.recording.cycle;

    const Launched launched = launch(launching);
    if (options.keep)
        launched.folder->keep();
    const Report report = report_on(launched, reporting, files);
    if (options.keep)
        spdlog::info("raw traces kept in {}", launched.folder->path());
    return {launched.wait_status, has_findings(report, options.report)};
}

int run(const Options &options, const Command &command)
{
    const Outcome outcome = record_and_report(options, command);
    if (options.error_exitcode < 0 || !outcome.findings)
        return end_as_the_program(outcome.wait_status);
    const int own = exit_status_of(outcome.wait_status);
    if (own != 0)
        spdlog::warn("the program itself failed, {}; the exit status {} is for the findings.",
                     WIFSIGNALED(outcome.wait_status)
                         ? "killed by " + signal_name(WTERMSIG(outcome.wait_status))
                         : fmt::format("with status {}", own),
                     options.error_exitcode);
    return options.error_exitcode;
}

} // namespace

Action add_run(CLI::App &app, const Command &program)
{
    auto options = std::make_shared<Options>();
    options->report.stream = ReportStream::standard_error; // stdout belongs to the program
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
    command->footer(formats_help() +
                    "The program runs as it would without unpaired: same terminal, signals, stdout, exit "
                    "status, or death\n"
                    "by the same signal. The report follows on stderr when it ends, whatever it dies of.\n\n"
                    "Examples:\n"
                    "  unpaired run -- ./server --port 502\n"
                    "  unpaired run --owner 'mqtt_*=MQTT' --owner 'libmodbus.so*=MBUS' -- ./gateway\n"
                    "  unpaired run --cycle=accept4 -- ./server\n"
                    "  unpaired run --output json:report.json -- ./server | ./client\n"
                    "  unpaired run --error-exitcode=99 --suppressions known.supp -- make check");
    command->prefix_command();
    return [options, command, &program] { return run(*options, command_of(*command, program)); };
}

} // namespace unpaired
