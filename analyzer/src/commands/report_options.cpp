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
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
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

/// A report to be written: as what, and where ("-" is stdout).
struct Output {
    const Format *format = nullptr;
    std::string path;
};

bool is_stdout(const std::string &path) { return path == "-" || path == "/dev/stdout"; }

std::vector<Output> outputs_of(const ReportOptions &options)
{
    std::vector<Output> outputs;
    if (!options.format.empty() || options.outputs.empty())
        outputs.push_back({options.format.empty() ? &formats().front() : find_format(options.format), "-"});
    for (const std::string &output : options.outputs) {
        const size_t colon = output.find(':');
        outputs.push_back({find_format(output.substr(0, colon)), output.substr(colon + 1)});
    }
    // files first: who reads the terminal's may have seen enough (`| head`), and end us by SIGPIPE
    std::stable_partition(outputs.begin(), outputs.end(),
                          [](const Output &output) { return !is_stdout(output.path); });
    return outputs;
}

/// The same for all ways to spell the path of one file, whether it is there yet or not.
std::string file_of(const std::string &path)
{
    std::error_code error;
    if (is_stdout(path) || path == "/dev/stderr")
        return is_stdout(path) ? "-" : path;
    const std::filesystem::path file = std::filesystem::absolute(path);
    const std::filesystem::path real = std::filesystem::weakly_canonical(file, error);
    return (error ? file.lexically_normal() : real).string();
}

/// Where the sources are, as an absolute path: SARIF's paths are relative to it.
std::string source_root(const ReportOptions &options)
{
    return std::filesystem::absolute(options.source_root.empty() ? "." : options.source_root).string();
}

WriteOptions write_options(const ReportOptions &options, bool to_stdout)
{
    WriteOptions how;
    how.all = options.all;
    how.fail_on = least_severity(options);
    how.source_root = source_root(options);
    how.colour = to_stdout && colour_wanted();
    how.width = to_stdout ? report_width() : 100;
    if (to_stdout)
        how.link = source_links(options.links);
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

template <class Write> void write_file(const std::string &path, Write write)
{
    // a terminal's or a log's own file must not be opened anew: that would cut a log off
    if (path == "-" || path == "/dev/stdout" || path == "/dev/stderr") {
        FILE *stream = path == "/dev/stderr" ? stderr : stdout;
        StdioBuffer buffer(stream);
        std::ostream out(&buffer);
        write(out);
        if (!out.flush())
            throw Trouble(fmt::format("cannot write the report: {}.", std::strerror(errno)));
        return;
    }
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    write(file);
    file.close();
    if (!file)
        throw Trouble(fmt::format("cannot write '{}': {}.", path, std::strerror(errno)));
}

} // namespace

void add_report_options(CLI::App &command, ReportOptions &options)
{
    const std::string group = "What the report says, and where";
    command
        .add_option("--format", options.format,
                    fmt::format("Format on stdout: {} (default {}; see below).", joined_or(format_names()),
                                formats().front().name))
        ->option_text("FORMAT")
        ->check(CLI::Validator(known_format, "", "format"))
        ->group(group);
    command
        .add_option(
            "--output", options.outputs,
            "Write the report to a file, as in html:report.html (- is stdout); may be given several times. "
            "Nothing else goes to stdout then, unless --format is given too.")
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
    std::vector<Output> outputs = outputs_of(options);
    std::map<std::string, std::string> seen; // the file, and how it was written
    for (const Output &output : outputs) {
        if (is_stdout(output.path)) {
            if (output.format->binary && isatty(STDOUT_FILENO))
                throw Trouble(fmt::format("{} is binary and stdout a terminal: write it to a file, as in "
                                          "--output {}:FILE.",
                                          output.format->name, output.format->name));
        } else if (output.path != "/dev/stderr") {
            require_writable_place(output.path);
        }
        const auto [other, fresh] = seen.try_emplace(file_of(output.path), output.path);
        if (!fresh)
            throw Trouble(
                is_stdout(output.path)
                    ? std::string("two reports for stdout: give the others a file, as in --output "
                                  "json:FILE.")
                    : fmt::format("two reports for the file '{}': give each its own.", output.path));
    }
}

bool text_on_stdout(const ReportOptions &options)
{
    const std::vector<Output> outputs = outputs_of(options);
    return std::any_of(outputs.begin(), outputs.end(), [](const Output &output) {
        return is_stdout(output.path) && output.format == find_format("text");
    });
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
        write_file(output.path, [&](std::ostream &out) {
            in_format(out, *output.format, write_options(options, is_stdout(output.path)));
        });
}

void write_report(const Report &report, const ReportOptions &options)
{
    write_outputs(options, [&report](std::ostream &out, const Format &format, const WriteOptions &how) {
        format.write(out, report, how);
    });
}

} // namespace unpaired
