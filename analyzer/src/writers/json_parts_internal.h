// Parts of the JSON report that other JSON documents take in. For source files that write JSON.
#pragma once

#include "report.h"

#include <nlohmann/json.hpp>

namespace unpaired {

nlohmann::ordered_json finding_json(const Finding &finding, const TraceInfo &trace);

} // namespace unpaired
