// From traces to a report, with the options of the command line.
#pragma once

#include "commands/report_options.h"
#include "input/model.h"
#include "passes/symbolise.h"
#include "report.h"
#include "symbols/symbolizer.h"

#include <vector>

namespace unpaired {

/// Throws Trouble for what can be told before any work: an owner rule, a suppression file or an output that is
/// no good.
void check_report_options(const ReportOptions &options);

/// Names addresses by `symbolizer`, which must outlive the function.
Symbolize symbolize_with(Symbolizer &symbolizer);

/// Analyses traces that were read. Throws Trouble for a suppression file or an owner rule that cannot be used.
Report make_report(const std::vector<Trace> &traces, const ReportOptions &options);

} // namespace unpaired
