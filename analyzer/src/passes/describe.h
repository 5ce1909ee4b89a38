// What one process image was and how it ended, and what its report rests on.
#pragma once

#include "input/model.h"
#include "passes/growth.h"
#include "passes/pair.h"
#include "report.h"

#include <string>
#include <vector>

namespace unpaired {

/// `device`: a firmware, which does not end, or ends as a machine does, without giving anything back.
enum class Ending { exit, signal, exec, running, truncated, device };

struct ImageFacts {
    TraceInfo info;
    Ending ending = Ending::truncated;
    Run run;
    std::vector<std::string> remarks;
};

/// Describes an image. `all` are all traces of the report: a parent that waited for the process may have
/// written elsewhere.
ImageFacts describe(const Trace &trace, const PairedImage &image, const std::vector<Trace> &all);

} // namespace unpaired
