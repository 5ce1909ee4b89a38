// The options that say what a report is made of and where it goes: `report` and `run` share them.
#pragma once

#include "report.h"
#include "symbols/symbol_options.h"
#include "writers/formats.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace unpaired {

/// The stream for a report without --output.
enum class ReportStream { standard_output, standard_error };

struct ReportOptions {
    ReportStream stream = ReportStream::standard_output;
    std::string format;               ///< on the stream; "" if only --output names a place
    std::vector<std::string> outputs; ///< FORMAT:FILE, validated
    std::vector<std::string> owners;  ///< PATTERN=MAGIC
    std::vector<std::string> suppressions;
    std::string baseline;            ///< a saved report, or a trace
    std::vector<std::string> limits; ///< FAMILY=N
    std::string fail_on = "suspect";
    std::string cycle_function; ///< --cycle
    bool all = false;
    std::string links = "auto"; ///< auto, on, off, or a link with "{path}" in it
    std::string source_root;    ///< "" is the current folder
    SymbolOptions symbols;
};

void add_report_options(CLI::App &command, ReportOptions &options);

/// The formats, a line each, to stand above a command's examples.
std::string formats_help();

/// Throws Trouble if a file of --output cannot be written or is given twice, or a binary format would go to a
/// terminal.
void check_outputs(const ReportOptions &options);

/// Returns true if a report is written as text to stdout or stderr.
bool text_on_stream(const ReportOptions &options);

/// Returns the descriptors to which reports are written: those in --output as "-" or /dev/fd/N.
std::vector<int> descriptors_of_outputs(const ReportOptions &options);

/// The severity from which on a finding counts for the exit status (--fail-on).
Severity least_severity(const ReportOptions &options);

/// Findings that count against the exit status: neither suppressed nor as in the baseline, and as severe as
/// --fail-on says.
bool has_findings(const Report &report, const ReportOptions &options);

/// Writes the report to its stream and to files, as the options say. Throws Trouble if that fails.
void write_report(const Report &report, const ReportOptions &options);

/// A function that writes one of the formats to a stream or to a file.
using InFormat = std::function<void(std::ostream &out, const Format &format, const WriteOptions &how)>;

/// Writes to the stream and to files, as --format, --output and --all say. Throws Trouble if that fails.
void write_outputs(const ReportOptions &options, const InFormat &in_format);

} // namespace unpaired
