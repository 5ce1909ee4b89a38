#include "commands/report_options.h"

#include "commands/option_values.h"
#include "commands/store_trace.h"
#include "commands/terminal.h"
#include "commands/trouble.h"
#include "near_names.h"
#include "rules.h"
#include "writers/formats.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>

namespace unpaired {
namespace {

std::vector<std::string> format_names()
{
    std::vector<std::string> names;
    for (const Format &format : formats())
        names.emplace_back(format.name);
    return names;
}

std::string known_format(const std::string &name)
{
    const std::vector<std::string> names = format_names();
    return find_format(name) ? std::string() : no_such("format", name, {names.begin(), names.end()});
}

std::set<std::string> severities()
{
    std::set<std::string> names;
    for (const Severity severity : {Severity::leak, Severity::suspect, Severity::note})
        names.emplace(severity_name(severity));
    return names;
}

std::string known_output(const std::string &output)
{
    const size_t colon = output.find(':');
    if (colon == std::string::npos || colon + 1 == output.size())
        return fmt::format("'{}' should be FORMAT:FILE, such as json:report.json", output);
    return known_format(output.substr(0, colon));
}

/// The format and the place of a report.
struct Output {
    const Format *format = nullptr;
    std::string path; ///< as given; "-" is stdout
    int fd = -1;      ///< number of stdout or stderr; -1: a file
};

Output output_to(const Format *format, const std::string &path)
{
    if (path == "-" || path == "/dev/stdout")
        return {format, path, STDOUT_FILENO};
    return {format, path, path == "/dev/stderr" ? STDERR_FILENO : -1};
}

std::vector<Output> outputs_of(const ReportOptions &options)
{
    std::vector<Output> outputs;
    if (!options.format.empty() || options.outputs.empty())
        outputs.push_back(output_to(options.format.empty() ? &formats().front() : find_format(options.format),
                                    options.stream == ReportStream::standard_error ? "/dev/stderr" : "-"));
    for (const std::string &output : options.outputs) {
        const size_t colon = output.find(':');
        outputs.push_back(output_to(find_format(output.substr(0, colon)), output.substr(colon + 1)));
    }
    // Write files first: the reader of a stream may stop early (`| head`), which ends this process by SIGPIPE.
    std::stable_partition(outputs.begin(), outputs.end(), [](const Output &output) { return output.fd < 0; });
    return outputs;
}

/// Returns one spelling for all paths of one file, which need not exist. The working folder may have been removed.
std::string file_of(const Output &output)
{
    if (output.fd >= 0)
        return output.fd == STDOUT_FILENO ? "-" : "/dev/stderr";
    std::error_code error;
    const std::filesystem::path real = std::filesystem::weakly_canonical(output.path, error);
    if (!error)
        return real.string();
    const std::filesystem::path file = std::filesystem::absolute(output.path, error);
    return (error ? std::filesystem::path(output.path) : file).lexically_normal().string();
}

/// Returns the folder of the sources as an absolute path: SARIF's paths are relative to it. Returns "" if the working
/// folder, which is the default, has been removed.
std::string source_root(const ReportOptions &options)
{
    std::error_code error;
    const std::filesystem::path root =
        std::filesystem::absolute(options.source_root.empty() ? "." : options.source_root, error);
    return error ? options.source_root : root.string();
}

WriteOptions write_options(const ReportOptions &options, const Output &output)
{
    WriteOptions how;
    how.all = options.all;
    how.fail_on = least_severity(options);
    how.source_root = source_root(options);
    how.colour = output.fd >= 0 && colour_wanted(output.fd);
    how.width = output.fd >= 0 ? report_width(output.fd) : 100;
    if (output.fd >= 0)
        how.link = source_links(options.links, output.fd);
    return how;
}

/// Writes into a C stream, which stays open.
class StdioBuffer : public std::streambuf {
public:
    explicit StdioBuffer(FILE *stream) : stream_(stream) {}

protected:
    int_type overflow(int_type c) override
    {
        return c == traits_type::eof() || std::fputc(c, stream_) != EOF ? traits_type::not_eof(c)
                                                                        : traits_type::eof();
    }
    std::streamsize xsputn(const char *text, std::streamsize length) override
    {
        return static_cast<std::streamsize>(std::fwrite(text, 1, static_cast<size_t>(length), stream_));
    }
    int sync() override { return std::fflush(stream_); }

private:
    FILE *stream_;
};

template <class Write> void write_output(const Output &output, Write write)
{
    if (output.fd >= 0) { // the stream may be a log file, which a second open would truncate
        StdioBuffer buffer(output.fd == STDERR_FILENO ? stderr : stdout);
        std::ostream out(&buffer);
        write(out);
        if (!out.flush() && errno != EPIPE) // SIGPIPE is blocked, and the reader has closed the pipe
            throw Trouble(fmt::format("cannot write the report: {}.", std::strerror(errno)));
        return;
    }
    std::ofstream file(output.path, std::ios::binary | std::ios::trunc);
    write(file);
    file.close();
    if (!file)
        throw Trouble(fmt::format("cannot write '{}': {}.", output.path, std::strerror(errno)));
}

} // namespace

void add_report_options(CLI::App &command, ReportOptions &options)
{
    const std::string group = "What the report says, and where";
    const char *stream = options.stream == ReportStream::standard_error ? "stderr" : "stdout";
    command
        .add_option("--format", options.format,
                    fmt::format("Format on {}: {} (default {}; see below).", stream,
                                joined_or(format_names()), formats().front().name))
        ->option_text("FORMAT")
        ->check(CLI::Validator(known_format, "", "format"))
        ->group(group);
    command
        .add_option(
            "--output", options.outputs,
            fmt::format(
                "Write the report to a file, as in html:report.html (- is stdout); may be given several "
                "times. No report goes to {} then, unless --format is given too.",
                stream))
        ->option_text("FORMAT:FILE")
        ->check(CLI::Validator(known_output, "", "output"))
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group(group);
    command
        .add_option(
            "--links", options.links,
            "Whether source files are links in the text report: auto (default: on a terminal that "
            "knows links), on, off, or what they lead to, such as 'vscode://file{path}:{line}' or "
            "'file://{host}{path}#{line}'. UNPAIRED_LINKS in the environment says it once and for all.")
        ->option_text("auto|on|off|LINK")
        ->envname("UNPAIRED_LINKS")
        ->check(CLI::Validator([](const std::string &wish) { return links_problem(wish); }, "", "links"))
        ->group(group);
    command.add_flag("--all", options.all, "Show notes, suppressed findings and whole stacks too.")
        ->group(group);
    command
        .add_option("--fail-on", options.fail_on,
                    "What counts as a finding for the exit status: leak, suspect (default) or note.")
        ->option_text("SEVERITY")
        ->check(one_of("severity", severities()))
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
        ->check(folder_that_is_there())
        ->group(symbols);
    command
        .add_option(
            "--debug-path", options.symbols.debug_paths,
            "Folder searched for separate debug files, before /usr/lib/debug; may be given several times.")
        ->option_text("FOLDER")
        ->check(folder_that_is_there())
        ->allow_extra_args(false)
        ->group(symbols);
    command
        .add_option(
            "--source-root", options.source_root,
            "Folder that holds the sources: the paths of sarif are relative to it (default: the current "
            "folder).")
        ->option_text("FOLDER")
        ->check(folder_that_is_there())
        ->group(symbols);
    command
        .add_flag("--debuginfod", options.symbols.debuginfod,
                  "Ask the servers of DEBUGINFOD_URLS for debug information (never done otherwise).")
        ->group(symbols);
}

std::string formats_help()
{
    std::string out = "Formats:\n";
    for (const Format &format : formats())
        out += fmt::format("  {:<24}{}\n", format.name, format.help);
    return out + "\n";
}

void check_outputs(const ReportOptions &options)
{
    std::set<std::string> seen;
    for (const Output &output : outputs_of(options)) {
        const std::string stream = output.fd == STDERR_FILENO ? "stderr" : "stdout";
        if (output.fd >= 0 && output.format->binary && isatty(output.fd))
            throw Trouble(fmt::format("{} is binary and {} a terminal: write it to a file, as in "
                                      "--output {}:FILE.",
                                      output.format->name, stream, output.format->name));
        if (output.fd < 0)
            require_writable_place(output.path);
        if (seen.insert(file_of(output)).second)
            continue;
        if (output.fd >= 0)
            throw Trouble(
                fmt::format("two reports for {}: give the others a file, as in --output json:FILE.", stream));
        throw Trouble(fmt::format("two reports for the file '{}': give each its own.", output.path));
    }
}

bool text_on_stream(const ReportOptions &options)
{
    const std::vector<Output> outputs = outputs_of(options);
    return std::any_of(outputs.begin(), outputs.end(), [](const Output &output) {
        return output.fd >= 0 && output.format == find_format("text");
    });
}

std::vector<int> descriptors_of_outputs(const ReportOptions &options)
{
    std::vector<int> found;
    for (const Output &output : outputs_of(options)) {
        std::string_view number = output.path;
        for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"})
            if (number.starts_with(folder))
                number.remove_prefix(folder.size());
        if (output.fd >= 0)
            found.push_back(output.fd);
        else if (number.size() < output.path.size())
            found.push_back(std::atoi(std::string(number).c_str()));
    }
    return found;
}

Severity least_severity(const ReportOptions &options)
{
    for (Severity severity : {Severity::leak, Severity::note})
        if (severity_name(severity) == options.fail_on)
            return severity;
    return Severity::suspect;
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
    for (const Output &output : outputs_of(options))
        write_output(output, [&](std::ostream &out) {
            in_format(out, *output.format, write_options(options, output));
        });
}

void write_report(const Report &report, const ReportOptions &options)
{
    write_outputs(options, [&report](std::ostream &out, const Format &format, const WriteOptions &how) {
        format.write(out, report, how);
    });
}

} // namespace unpaired
