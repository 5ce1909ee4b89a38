// unpaired report: analyses traces that are there.
#include "commands/commands.h"
#include "commands/make_report.h"
#include "commands/report_options.h"
#include "commands/running.h"
#include "commands/trouble.h"
#include "input/bytes.h"
#include "input/firmware_elf.h"
#include "input/read_stream.h"
#include "input/read_trace.h"

#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <span>

namespace unpaired {
namespace {

struct Options {
    std::vector<std::string> traces;
    std::vector<std::string> firmware; ///< ELF files of the devices whose streams are among the traces
    ReportOptions report;
};

bool is_trace(const std::string &path)
{
    std::array<uint8_t, sizeof(unpaired_file_header)> beginning;
    const size_t length = open_bytes(path)->copy(0, beginning.data(), beginning.size());
    return looks_like_trace(std::span(beginning).first(length));
}

/// The runs in a stream, read with the one of the ELF files that it belongs to.
std::vector<Trace> read_with(const std::vector<FirmwareElf> &firmware, const std::string &stream)
{
    for (size_t i = 0;; i++)
        try {
            return read_stream(stream, firmware[i]);
        } catch (const InputError &) {
            // of several files one fits; what is wrong with the last one is as good a reason as any
            if (i + 1 == firmware.size())
                throw;
        }
}

std::vector<Trace> read_input(const std::string &path, const std::vector<FirmwareElf> &firmware,
                              size_t &streams)
{
    if (!is_trace(path) && (!firmware.empty() || holds_stream(path))) {
        if (firmware.empty())
            throw Trouble(fmt::format("{}: is the stream of a firmware; give its ELF file with --elf, as in: "
                                      "unpaired report {} --elf firmware.elf",
                                      path, path));
        streams++;
        return read_with(firmware, path);
    }
    std::vector<Trace> traces;
    Trace &trace = traces.emplace_back(read_trace(path));
    trace.running_pids = running_pids(trace, path);
    return traces;
}

int report(const Options &options)
{
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
    add_report_options(*command, options->report);
    command->footer(
        formats_help() +
        "Examples:\n"
        "  unpaired report unpaired.server.4711.trace\n"
        "  unpaired report *.trace --format=json\n"
        "  unpaired report board.trace --sysroot ~/board/rootfs --debug-path ~/board/debug\n"
        "  unpaired report uart.bin --elf build/firmware.elf\n"
        "  unpaired report t.trace --owner 'mqtt_*=MQTT' --suppressions known.supp --fail-on=leak\n\n"
        "Exit status: 0 nothing found, 1 findings (see --fail-on), 2 trouble.");
    return [options] { return report(*options); };
}

} // namespace unpaired
