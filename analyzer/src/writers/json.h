// The report as JSON: the names of DESIGN §2.
#pragma once

#include "report.h"

#include <nlohmann/json.hpp>

#include <ostream>

namespace unpaired {

using ReportJson = nlohmann::ordered_json; ///< keeps the order in which a person wants to read the members

/// The report as a JSON value. Its strings need not be UTF-8: dump it with error_handler_t::replace.
ReportJson report_json(const Report &report);

/// Writes the report as one JSON object, indented, with a newline at its end. What is not known is left out:
/// "growth", "failed_release", "ended_by", "forecast" and "incident" where there is none.
void write_json(std::ostream &out, const Report &report);

} // namespace unpaired
