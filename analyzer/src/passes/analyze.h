// From traces to a report: the list of passes.
#pragma once

#include "input/model.h"
#include "passes/limits.h"
#include "passes/own.h"
#include "passes/suppress.h"
#include "passes/symbolise.h"
#include "report.h"

#include <vector>

namespace unpaired {

struct AnalyzeOptions {
    std::vector<OwnerRule> owner_rules; ///< --owner, in the order given
    Suppressions suppressions;          ///< --suppressions
    std::vector<GivenLimit> limits;     ///< --limit
    std::string cycle_function;         ///< --cycle; "" if not given
    NameVariable name_variable;         ///< names data addresses; may be empty
};

/// Analyses all images of all traces, worst first. `symbolize` names addresses. Suppressed findings stay in
/// the report, as notes with `suppressed_by` set; unused ones are told beside them. Does no I/O.
Report analyze(const std::vector<Trace> &traces, const AnalyzeOptions &options, Symbolize &symbolize);

} // namespace unpaired
