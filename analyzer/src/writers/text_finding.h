// The evidence of one finding in the text report.
#pragma once

#include "report.h"
#include "writers/text_canvas.h"

#include <cstddef>

namespace unpaired {

/// Draws rule, facts and stacks under the finding's number; `alone` (the only one): under its sentence instead.
void write_finding(TextCanvas &canvas, const Finding &finding, const TraceInfo &trace, size_t number,
                   bool alone);

} // namespace unpaired
