#include "commands/report_options.h"

#include "commands/store_trace.h"
#include "commands/trouble.h"
#include "writers/json.h"
#include "writers/text.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace unpaired {
namespace {

const std::vector<std::string> &formats()
{
    static const std::vector<std::string> names = {"text", "json"};
    return names;
}

std::string known_format(const std::string &name)
{
    if (std::find(formats().begin(), formats().end(), name) != formats().end())
        return {};
    return fmt::format("there is no format '{}' (there are {})", name, fmt::join(formats(), ", "));
}

std::string known_output(const std::string &output)
{
    const size_t colon = output.find(':');
    if (colon == std::string::npos || colon + 1 == output.size())
        return fmt::format("'{}' should be FORMAT:FILE, such as json:report.json", output);
    return known_format(output.substr(0, colon));
}

bool wants_colour(int fd)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && !(no_colour && *no_colour) && !(term && std::strcmp(term, "dumb") == 0);
}

unsigned terminal_width()
{
    struct winsize size = {};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return std::clamp<unsigned>(size.ws_col, 40, 160);
    return 100;
}

std::string written(const Report &report, const std::string &format, const TextStyle &style)
{
    if (format == "json") {
        std::ostringstream json;
        write_json(json, report);
        return std::move(json).str();
    }
    return write_text(report, style);
}

TextStyle text_style(const ReportOptions &options, bool to_terminal)
{
    TextStyle style;
    style.all = options.all;
    style.colour = to_terminal && wants_colour(STDOUT_FILENO);
    style.width = to_terminal ? terminal_width() : 100;
    return style;
}

void write_file(const std::string &path, const std::string &text)
{
    // a terminal's or a log's own file must not be opened anew: that would cut a log off
    if (path == "-" || path == "/dev/stdout" || path == "/dev/stderr") {
        FILE *stream = path == "/dev/stderr" ? stderr : stdout;
        if (std::fwrite(text.data(), 1, text.size(), stream) != text.size() || std::fflush(stream) != 0)
            throw Trouble(fmt::format("cannot write the report: {}.", std::strerror(errno)));
        return;
    }
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    if (!file)
        throw Trouble(fmt::format("cannot write '{}': {}.", path, std::strerror(errno)));
}

} // namespace

void add_report_options(CLI::App &command, ReportOptions &options)
{
    const std::string group = "What the report says, and where";
    command.add_option("--format", options.format, "Format on stdout: text (default) or json.")
        ->option_text("FORMAT")
        ->check(CLI::Validator(known_format, "", "format"))
        ->group(group);
    command
        .add_option(
            "--output", options.outputs,
            "Write the report to a file, as in json:report.json; may be given several times. Nothing goes to "
            "stdout then, unless --format is given too.")
        ->option_text("FORMAT:FILE")
        ->check(CLI::Validator(known_output, "", "output"))
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group(group);
    command.add_flag("--all", options.all, "Show notes, suppressed findings and whole stacks too.")
        ->group(group);
    command
        .add_option("--fail-on", options.fail_on,
                    "What counts as a finding for the exit status: leak, suspect (default) or note.")
        ->option_text("SEVERITY")
        ->check(CLI::IsMember({"leak", "suspect", "note"}))
        ->group(group);
    command
        .add_option(
            "--owner", options.owners,
            "Who owns what is acquired in a function ('mqtt_*=MQTT'), source file ('*/modbus/*.c=MBUS') or "
            "library ('libmodbus.so*=MBUS'); may be given several times, the first that matches decides.")
        ->option_text("PATTERN=NAME")
        ->allow_extra_args(false)
        ->group(group);
    command
        .add_option("--suppressions", options.suppressions,
                    "File of lines 'leak:PATTERN' (as for LeakSanitizer) or 'FAMILY:PATTERN', with 'max=N' "
                    "if wanted: "
                    "what matches is not counted. May be given several times.")
        ->option_text("FILE")
        ->allow_extra_args(false)
        ->group(group);
    command
        .add_option(
            "--baseline", options.baseline,
            "An earlier report, saved with --output json:FILE, or a trace: findings that it has too, and "
            "not fewer of, do not count and are folded into one line.")
        ->option_text("FILE")
        ->group(group);
    command
        .add_option(
            "--limit", options.limits,
            "How many of a family there can be, as in socket=512, or how much memory, as in heap=256K: "
            "the report tells when what grows will meet it. May be given several times.")
        ->option_text("FAMILY=N")
        ->allow_extra_args(false)
        ->group(group);
    const std::string symbols = "Where names and line numbers come from";
    command
        .add_option("--sysroot", options.symbols.sysroot,
                    "Folder that holds the target's files, for a trace of another system.")
        ->option_text("FOLDER")
        ->check(CLI::ExistingDirectory)
        ->group(symbols);
    command
        .add_option(
            "--debug-path", options.symbols.debug_paths,
            "Folder searched for separate debug files, before /usr/lib/debug; may be given several times.")
        ->option_text("FOLDER")
        ->check(CLI::ExistingDirectory)
        ->allow_extra_args(false)
        ->group(symbols);
    command
        .add_flag("--debuginfod", options.symbols.debuginfod,
                  "Ask the servers of DEBUGINFOD_URLS for debug information (never done otherwise).")
        ->group(symbols);
}

void check_outputs(const ReportOptions &options)
{
    for (const std::string &output : options.outputs)
        if (const std::string path = output.substr(output.find(':') + 1);
            path != "-" && path != "/dev/stdout" && path != "/dev/stderr")
            require_writable_place(path);
}

Severity least_severity(const ReportOptions &options)
{
    return options.fail_on == "leak"   ? Severity::leak
           : options.fail_on == "note" ? Severity::note
                                       : Severity::suspect;
}

bool has_findings(const Report &report, const ReportOptions &options)
{
    const Severity least = least_severity(options);
    for (const ImageReport &image : report.images)
        for (const Finding &finding : image.findings)
            if (!finding.accepted() && finding.severity >= least)
                return true;
    return false;
}

void write_outputs(const ReportOptions &options, const InFormat &in_format)
{
    if (!options.format.empty() || options.outputs.empty())
        write_file("-",
                   in_format(options.format.empty() ? "text" : options.format, text_style(options, true)));
    for (const std::string &output : options.outputs) {
        const size_t colon = output.find(':');
        write_file(output.substr(colon + 1), in_format(output.substr(0, colon), text_style(options, false)));
    }
}

void write_report(const Report &report, const ReportOptions &options)
{
    write_outputs(options, [&report](const std::string &format, const TextStyle &style) {
        return written(report, format, style);
    });
}

} // namespace unpaired
