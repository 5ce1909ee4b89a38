// unpaired report: analyses traces that are there.
#include "commands/commands.h"
#include "commands/follow.h"
#include "commands/make_report.h"
#include "commands/read_input.h"
#include "commands/report_options.h"
#include "commands/running.h"
#include "commands/trouble.h"
#include "input/firmware_elf.h"
#include "input/read_stream.h"
#include "input/read_trace.h"

#include <filesystem>
#include <fmt/format.h>
#include <memory>

namespace unpaired {
namespace {

struct Options {
    std::vector<std::string> traces;
    std::vector<std::string> firmware; ///< ELF files of the devices whose streams are among the traces
    bool follow = false;
    FollowOptions following;
    ReportOptions report;
};

std::vector<Trace> read_input(const std::string &path, const std::vector<FirmwareElf> &firmware,
                              size_t &streams)
{
    if (!is_trace(path) && (!firmware.empty() || holds_stream(path))) {
        if (firmware.empty())
            throw Trouble(stream_without_elf(path));
        streams++;
        return read_with(firmware, path);
    }
    std::vector<Trace> traces;
    Trace &trace = traces.emplace_back(read_trace(path));
    trace.running_pids = running_pids(trace, path);
    return traces;
}

int report(Options &options)
{
    if (options.follow) {
        options.following.targets = options.traces;
        options.following.firmware = options.firmware;
        return follow(options.following, options.report);
    }
    check_report_options(options.report);
    std::vector<FirmwareElf> firmware;
    for (const std::string &path : options.firmware)
        firmware.push_back(read_firmware_elf(std::filesystem::absolute(path).string()));
    std::vector<Trace> traces;
    size_t streams = 0;
    for (const std::string &path : options.traces)
        for (Trace &trace : read_input(path, firmware, streams))
            traces.push_back(std::move(trace));
    if (!firmware.empty() && streams == 0)
        throw Trouble(
            "--elf is for the streams of firmware, and all these are traces of Linux programs; leave it "
            "out.");
    const Report report = make_report(traces, options.report);
    write_report(report, options.report);
    return has_findings(report, options.report) ? exit_findings : exit_nothing_found;
}

} // namespace

Action add_report(CLI::App &app)
{
    auto options = std::make_shared<Options>();
    CLI::App *command = app.add_subcommand("report", "Analyse traces of programs and streams of firmware.");
    command
        ->add_option("TRACE", options->traces,
                     "Traces, as unpaired record leaves them, finished or not; "
                     "or what a firmware's sink sent, saved byte for byte.")
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
        ->check(CLI::Range(0.1, 86400.0))
        ->needs(follow)
        ->group(following);
    command->add_option("--count", options->following.count, "Stop after so many looks.")
        ->option_text("N")
        ->check(CLI::PositiveNumber)
        ->needs(follow)
        ->group(following);
    add_report_options(*command, options->report);
    command->footer(
        "Examples:\n"
        "  unpaired report unpaired.server.4711.trace\n"
        "  unpaired report *.trace --format=json\n"
        "  unpaired report board.trace --sysroot ~/board/rootfs --debug-path ~/board/debug\n"
        "  unpaired report uart.bin --elf build/firmware.elf\n"
        "  unpaired report --follow $(pidof -s server)\n"
        "  unpaired report t.trace --owner 'mqtt_*=MQTT' --suppressions known.supp --fail-on=leak\n\n"
        "Exit status: 0 nothing found, 1 findings (see --fail-on), 2 trouble. With --follow 0 or 2.");
    return [options] { return report(*options); };
}

} // namespace unpaired
