// Limits: who used up all there was, and when what grows will meet the next one.
#pragma once

#include "input/model.h"
#include "passes/describe.h"
#include "passes/group.h"
#include "passes/pair.h"

#include <cstdint>
#include <string>
#include <vector>

namespace unpaired {

/// --limit FAMILY=N: no more than N of a family, or of all that share a space, can exist at a time.
struct GivenLimit {
    std::string family; ///< of a family or of a space
    uint64_t value = 0;
    bool bytes = false; ///< `value` counts bytes: the size of a heap
};

/// The image that findings belong to, and what bounds it.
struct LimitedImage {
    const Trace &trace;
    const PairedImage &paired;
    const ImageFacts &facts;
    const std::vector<GivenLimit> &given;
};

/// Limits that were reached. Gives the finding that holds most of what ran out a forecast with `reached` set, and
/// drops the "limit-reached" findings that it explains. Those without a holder of at least two keep their own
/// finding, with the limit in its forecast. A given limit is reached when as much was live, whether or not anything
/// failed for it; without a holder `remarks` tell so.
std::vector<Described> explain_limits(std::vector<Described> findings, const LimitedImage &image,
                                      std::vector<std::string> &remarks);

/// Forecasts for judged findings that grow: at which acquisition, in which cycle, after how long the first of their
/// limits will be met, if everything goes on as it did. What else is live of the same space counts too.
void forecast_limits(std::vector<Described> &findings, const LimitedImage &image);

} // namespace unpaired
