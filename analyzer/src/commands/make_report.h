// From traces and saved reports to a report, with the options of the command line.
#pragma once

#include "commands/report_options.h"
#include "input/model.h"
#include "passes/suppress.h"
#include "passes/symbolise.h"
#include "report.h"
#include "symbols/symbolizer.h"

#include <optional>
#include <string>
#include <vector>

namespace unpaired {

/// What the files that options name hold. They are read once: a pipe gives its contents only once.
struct ReportFiles {
    Suppressions suppressions;
    std::optional<Report> baseline;
};

/// Names addresses by `symbolizer`, which must outlive the function.
Symbolize symbolize_with(Symbolizer &symbolizer);

/// Reads the files that the options name. Throws Trouble or InputError for what can be told before any work: an
/// owner rule, a suppression file, a baseline or an output that is no good.
ReportFiles check_report_options(const ReportOptions &options);

/// Analyses traces that were read, and joins reports that were saved to them. Broken suppression lines are remarks of
/// the report, and told on stderr where no text on stdout has them; the others hold.
Report make_report(const std::vector<Trace> &traces, const ReportOptions &options, const ReportFiles &files,
                   std::vector<Report> saved = {});

} // namespace unpaired
