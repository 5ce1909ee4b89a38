// Incidents: findings that grow in step are one fault, seen at several call sites.
#pragma once

#include "passes/growth.h"
#include "report.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace unpaired {

/// What is left of a finding's resources, beside the finding itself.
struct Survivors {
    std::vector<Age> ages; ///< of each; empty where what was lost left no record of its own
    uint32_t cycles = 0;   ///< without ages: in how many distinct cycles it happened
};

/// Returns true if a finding has enough resources to be in step with others, so that its survivors are needed.
bool may_be_in_step(const Finding &finding);

/// Finds the incidents of an image whose findings are judged and sorted, worst first, and sets their
/// Finding::incident. `survivors` are by Finding::id.
///
/// With cycles, findings are in step whose survivors come from the same cycles; the first and the last one may
/// differ, for a mark stands somewhere within the work it counts. Without, they are if they have equal numbers, or a
/// small multiple, were acquired at about the same times, and below a caller that both share within a few frames.
std::vector<Incident> find_incidents(ImageReport &image, const std::map<std::string, Survivors> &survivors);

} // namespace unpaired
