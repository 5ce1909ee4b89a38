// Reports that were saved, joined to one that is made now.
#pragma once

#include "passes/analyze.h"
#include "report.h"

#include <vector>

namespace unpaired {

/// The images and remarks of them all, worst first. To what was saved the owner rules and suppressions of `options`
/// apply as far as a report still tells: rules do not change its totals by owner, and what a scope declared cannot
/// be told from what a rule said. A suppression is unused if it is in all of them.
Report join_saved(Report now, std::vector<Report> saved, const AnalyzeOptions &options);

} // namespace unpaired
