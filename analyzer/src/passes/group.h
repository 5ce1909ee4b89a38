// Cases become findings: those with equal stacks merge, and each gets a fingerprint that outlives rebuilds.
#pragma once

#include "passes/blame.h"
#include "passes/classify.h"
#include "report.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace unpaired {

/// A case with its symbols, on its way to a finding.
struct Described {
    Finding finding; ///< all but growth, severity and id
    std::vector<Age> ages;
    uint32_t cycles = 0; ///< see Case
    uint16_t space = 0;
    uint64_t highest_handle = 0;
    uint64_t address = 0;          ///< in the file of the innermost caller: orders what has equal names
    std::set<uint32_t> sites;      ///< the acquisitions it is about
    size_t blame_index = 0;        ///< of the blamed frame in the stack
    std::optional<size_t> caller;  ///< index of the frame that Finding::callers are of
    bool callers_vary = false;     ///< the merged stacks differ in more than the line of one frame
    bool in_program = true;        ///< see Blame
    bool standard_streams = false; ///< see Case
};

/// What makes two acquisitions the same to a reader: family, acquirer, owner, the functions on the stack, and
/// from the acquirer to the blamed frame their lines as well.
std::string acquisition_key(const std::string &family, const std::string &function, const std::string &owner,
                            const Stack &stack, size_t blame_index);

/// Stands for a long key in a table: 128 bits, which no two of some million texts share but by design.
using KeyHash = std::pair<uint64_t, uint64_t>;
KeyHash hash_of(const std::string &key);

/// Merges cases of equal rules and acquisitions, sums them up, and gives each the id of report.h: a hash over
/// rule, family, function and the names of the frames from the acquirer to main, the C runtime's left out, with
/// an ordinal by address among those of equal names.
std::vector<Described> group(std::vector<Described> cases);

} // namespace unpaired
