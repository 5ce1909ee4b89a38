// Where handles ran out, and who held them.
#pragma once

#include "input/model.h"
#include "passes/group.h"

#include <vector>

namespace unpaired {

/// Gives the finding that holds most handles of a space whose limit was reached a forecast with `reached` set,
/// and drops the "limit-reached" findings that it explains. Those without a holder of at least two keep their
/// own finding, with the limit in its forecast.
std::vector<Described> explain_limits(std::vector<Described> findings, const Trace &trace, uint16_t image,
                                      bool ended_by_signal);

} // namespace unpaired
