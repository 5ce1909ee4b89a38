// The options that say what a report is made of and where it goes: `report` and `run` share them.
#pragma once

#include "report.h"
#include "symbols/symbol_options.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace unpaired {

struct ReportOptions {
    std::string format;               ///< to stdout; "" if only files were asked for
    std::vector<std::string> outputs; ///< FORMAT:FILE, validated
    std::vector<std::string> owners;  ///< PATTERN=MAGIC
    std::vector<std::string> suppressions;
    std::string fail_on = "suspect";
    bool all = false;
    std::string source_root; ///< "" is the current folder
    SymbolOptions symbols;
};

void add_report_options(CLI::App &command, ReportOptions &options);

/// The formats, a line each, to stand above a command's examples.
std::string formats_help();

/// Throws Trouble if a file of --output cannot be written or is given twice, or a binary format would go to a
/// terminal.
void check_outputs(const ReportOptions &options);

/// Findings that count against the exit status: not suppressed, and as severe as --fail-on says.
bool has_findings(const Report &report, const ReportOptions &options);

/// Writes the report to stdout and to files as asked. Throws Trouble if that fails.
void write_report(const Report &report, const ReportOptions &options);

} // namespace unpaired
