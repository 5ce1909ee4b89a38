// --limit FAMILY=N.
#pragma once

#include "input/model.h"
#include "passes/limits.h"

#include <string>
#include <vector>

namespace unpaired {

/// Parses limits as given: FAMILY=N, or FAMILY=SIZE with B, K, M or G behind the number for families of memory.
/// Throws Trouble for one that makes no sense. Whether there is such a family is not asked.
std::vector<GivenLimit> parse_limits(const std::vector<std::string> &given);

/// Throws Trouble for a limit whose family is neither in the resource table nor in one of the traces, which may have
/// families that a user declared; the message names one that may have been meant, or what the traces have.
void require_known_families(const std::vector<GivenLimit> &limits, const std::vector<Trace> &traces);

} // namespace unpaired
