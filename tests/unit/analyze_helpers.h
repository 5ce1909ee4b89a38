// From a built trace to its report, and to the one finding a test asks for.
#pragma once

#include "input/read_trace.h"
#include "passes/analyze.h"
#include "trace_builder.h"

#include <string>
#include <vector>

namespace unpaired::test {

inline Report report_of(const TraceBuilder &builder, const AnalyzeOptions &options = {}, bool running = false)
{
    Symbolize symbolize = builder.symbols();
    std::vector<Trace> traces;
    traces.push_back(read_trace(builder.bytes(), "x.trace"));
    if (running)
        traces.back().running_pids = {100};
    return analyze(traces, options, symbolize);
}

/// The findings of a rule in the first image, worst first; notes too.
inline std::vector<Finding> findings_of(const Report &report, const std::string &rule)
{
    std::vector<Finding> result;
    for (const Finding &finding : report.images.at(0).findings)
        if (finding.rule == rule)
            result.push_back(finding);
    return result;
}

inline std::vector<Finding> findings_of(const TraceBuilder &builder, const std::string &rule)
{
    return findings_of(report_of(builder), rule);
}

} // namespace unpaired::test
