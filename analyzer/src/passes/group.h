// Cases become findings: those with equal stacks merge, and each gets a fingerprint that outlives rebuilds.
#pragma once

#include "passes/blame.h"
#include "passes/classify.h"
#include "report.h"

#include <cstdint>
#include <string>
#include <vector>

namespace unpaired {

/// A case with its symbols, on its way to a finding.
struct Described {
    Finding finding; ///< all but growth, severity and id
    std::vector<Age> ages;
    uint32_t cycles = 0;  ///< see Case
    uint16_t space = 0;
    uint64_t highest_handle = 0;
    uint64_t address = 0; ///< in the file of the innermost caller: orders what has equal names
    bool owner_declared = false; ///< by a scope or a rule: then owners are told apart
    bool in_program = true;      ///< see Blame
};

/// Merges what shows the same rule, family, function and lines, sums it up, and gives each the id of
/// report.h: a hash over rule, family, function and the names of the frames from the acquirer to main, with an
/// ordinal by address among those of equal names.
std::vector<Described> group(std::vector<Described> cases);

} // namespace unpaired
