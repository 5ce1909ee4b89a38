// unpaired report: analyses traces that are there.
#include "commands/commands.h"
#include "commands/cycle_option.h"
#include "commands/follow.h"
#include "commands/make_report.h"
#include "commands/option_values.h"
#include "commands/read_inputs.h"
#include "commands/report_options.h"
#include "commands/trouble.h"

#include <algorithm>
#include <memory>
#include <spdlog/spdlog.h>

namespace unpaired {
namespace {

struct Options {
    std::vector<std::string> traces;
    std::vector<std::string> firmware; ///< ELF files of the devices whose streams are among the traces
    bool follow = false;
    FollowOptions following;
    ReportOptions report;
};

int report(Options &options)
{
    if (options.follow) {
        options.following.targets = options.traces;
        options.following.firmware = options.firmware;
        return follow(options.following, options.report);
    }
    const ReportFiles files = check_report_options(options.report);
    const std::vector<FirmwareElf> firmware = read_firmware(options.firmware);
    Inputs inputs = read_inputs(options.traces, firmware, options.report.cycle_function);
    if (!firmware.empty() && inputs.streams == 0)
        throw Trouble("--elf is for the streams of firmware, and there is none among these; leave it out.");
    require_cycle_function(options.report.cycle_function, inputs.traces);
    const Report report = make_report(inputs.traces, options.report, files, std::move(inputs.reports));
    write_report(report, options.report);
    // The missing parts may hold findings: a damaged trace must not pass a check.
    const bool damaged = std::any_of(inputs.traces.begin(), inputs.traces.end(),
                                     [](const Trace &trace) { return trace.checksum_failed; });
    if (damaged && !has_findings(report, options.report)) {
        spdlog::error(
            "parts of the trace are damaged: no findings in the rest do not mean that there were none.");
        return exit_trouble;
    }
    return has_findings(report, options.report) ? exit_findings : exit_nothing_found;
}

} // namespace

Action add_report(CLI::App &app)
{
    auto options = std::make_shared<Options>();
    CLI::App *command = app.add_subcommand(
        "report", "Analyse traces of programs and streams of firmware; join saved reports.");
    command
        ->add_option(
            "TRACE", options->traces,
            "Traces, as unpaired record leaves them, finished or not; "
            "or what a firmware's sink sent, saved byte for byte; or reports saved with --output json:FILE.")
        ->required()
        ->option_text("FILE...");
    command
        ->add_option(
            "--elf", options->firmware,
            "The firmware that sent the stream, as linked: names, sizes and stacks come from it. With "
            "several, each stream takes the one it belongs to.")
        ->option_text("FILE")
        ->allow_extra_args(false);
    const std::string following = "While the program runs";
    CLI::Option *follow =
        command
            ->add_flag("--follow", options->follow,
                       "Show what is live by owner and call site, and how it grows, until the "
                       "program ends: a table that is redrawn, or lines of text where stdout "
                       "is no terminal. TRACE may be the id of a recorded process.")
            ->group(following);
    command
        ->add_option(
            "--interval", options->following.interval_s,
            "Seconds between two looks (default 1); longer where a look takes more than a tenth of it.")
        ->option_text("SECONDS")
        ->check(number_in(0.1, 86400.0))
        ->needs(follow)
        ->group(following);
    command->add_option("--count", options->following.count, "Stop after so many looks.")
        ->option_text("N")
        ->check(whole_number_in(1, UINT32_MAX))
        ->needs(follow)
        ->group(following);
    add_cycle_option(*command, "What the report says, and where", options->report.cycle_function);
    add_report_options(*command, options->report);
    command->footer(
        formats_help() +
        "Examples:\n"
        "  unpaired report unpaired.server.4711.trace\n"
        "  unpaired report *.trace --format=json\n"
        "  unpaired report board.trace --sysroot ~/board/rootfs --debug-path ~/board/debug\n"
        "  unpaired report uart.bin --elf build/firmware.elf\n"
        "  unpaired report uart.bin --elf build/firmware.elf --cycle=lwip_socket\n"
        "  unpaired report results/*.json --output json:baseline.json\n"
        "  unpaired report --follow $(pidof -s server)\n"
        "  unpaired report t.trace --owner 'mqtt_*=MQTT' --suppressions known.supp --fail-on=leak\n\n"
        "Exit status: 0 nothing found, 1 findings (see --fail-on), 2 trouble, or parts of a stored trace "
        "are\n"
        "damaged and the rest has no findings. With --follow 0 or 2.");
    return [options] { return report(*options); };
}

} // namespace unpaired
