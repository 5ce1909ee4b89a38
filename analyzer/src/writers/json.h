// The report as JSON: the names of DESIGN §2.
#pragma once

#include "report.h"

#include <ostream>

namespace unpaired {

/// Writes the report as one JSON object, indented, with a newline at its end. What is not known is left out:
/// "growth", "failed_release", "ended_by", "forecast" and "incident" where there is none.
void write_json(std::ostream &out, const Report &report);

} // namespace unpaired
