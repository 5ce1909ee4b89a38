// unpaired report: analyses traces that are there.
#include "commands/commands.h"
#include "commands/make_report.h"
#include "commands/read_inputs.h"
#include "commands/report_options.h"
#include "commands/trouble.h"

#include <memory>

namespace unpaired {
namespace {

struct Options {
    std::vector<std::string> traces;
    std::vector<std::string> firmware; ///< ELF files of the devices whose streams are among the traces
    ReportOptions report;
};

int report(const Options &options)
{
    const ReportFiles files = check_report_options(options.report);
    const std::vector<FirmwareElf> firmware = read_firmware(options.firmware);
    Inputs inputs = read_inputs(options.traces, firmware);
    if (!firmware.empty() && inputs.streams == 0)
        throw Trouble("--elf is for the streams of firmware, and there is none among these; leave it out.");
    const Report report = make_report(inputs.traces, options.report, files, std::move(inputs.reports));
    write_report(report, options.report);
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
    add_report_options(*command, options->report);
    command->footer(
        formats_help() +
        "Examples:\n"
        "  unpaired report unpaired.server.4711.trace\n"
        "  unpaired report *.trace --format=json\n"
        "  unpaired report board.trace --sysroot ~/board/rootfs --debug-path ~/board/debug\n"
        "  unpaired report uart.bin --elf build/firmware.elf\n"
        "  unpaired report results/*.json --output json:baseline.json\n"
        "  unpaired report t.trace --owner 'mqtt_*=MQTT' --suppressions known.supp --fail-on=leak\n\n"
        "Exit status: 0 nothing found, 1 findings (see --fail-on), 2 trouble.");
    return [options] { return report(*options); };
}

} // namespace unpaired
