// unpaired report: analyses traces that are there.
#include "commands/commands.h"
#include "commands/make_report.h"
#include "commands/report_options.h"
#include "commands/running.h"
#include "commands/trouble.h"
#include "input/read_trace.h"

#include <memory>

namespace unpaired {
namespace {

struct Options {
    std::vector<std::string> traces;
    ReportOptions report;
};

int report(const Options &options)
{
    check_report_options(options.report);
    std::vector<Trace> traces;
    for (const std::string &path : options.traces) {
        Trace trace = read_trace(path);
        trace.running_pids = running_pids(trace, path);
        traces.push_back(std::move(trace));
    }
    const Report report = make_report(traces, options.report);
    write_report(report, options.report);
    return has_findings(report, options.report) ? exit_findings : exit_nothing_found;
}

} // namespace

Action add_report(CLI::App &app)
{
    auto options = std::make_shared<Options>();
    CLI::App *command =
        app.add_subcommand("report", "Analyse traces: finished, cut short, or still being written.");
    command->add_option("TRACE", options->traces, "Trace files, as unpaired record leaves them.")
        ->required()
        ->option_text("FILE...");
    add_report_options(*command, options->report);
    command->footer(
        "Examples:\n"
        "  unpaired report unpaired.server.4711.trace\n"
        "  unpaired report *.trace --format=json\n"
        "  unpaired report board.trace --sysroot ~/board/rootfs --debug-path ~/board/debug\n"
        "  unpaired report t.trace --owner 'mqtt_*=MQTT' --suppressions known.supp --fail-on=leak\n\n"
        "Exit status: 0 nothing found, 1 findings (see --fail-on), 2 trouble.");
    return [options] { return report(*options); };
}

} // namespace unpaired
