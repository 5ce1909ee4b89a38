// What is known of one finding beside its stacks, a line each.
#pragma once

#include "report.h"

#include <string>
#include <vector>

namespace unpaired {

/// Counts, growth, parts, failed releases, forecast and remarks, as far as there are any.
std::vector<std::string> finding_facts(const Finding &finding);

/// What stands before the function in Finding::ended_by: "first released by", "memory freed by".
std::string ended_by_intro(const Finding &finding);

} // namespace unpaired
