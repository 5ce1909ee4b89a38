// Owners that the recorder could not settle: rules given to the report, matched against symbolised frames.
#pragma once

#include "input/model.h"
#include "report.h"

#include <optional>
#include <string>
#include <vector>

namespace unpaired {

/// `pattern=OWNER` of --owner: a shell pattern for a function, a source file, or a module.
struct OwnerRule {
    std::string pattern;
    std::string owner; ///< at most four characters
};

/// The owner as a person reads it: without the padding; "" if there is none.
std::string owner_text(uint32_t owner);

/// The owner of the innermost frame that any rule matches; of several rules the first. Nothing if none does.
std::optional<std::string> match_owner(const std::vector<Frame> &stack, const std::vector<OwnerRule> &rules);

/// The owner of a site: what the program declared or a compiled rule gave stays; else a matching rule; else
/// what the recorder fell back to (thread or module name).
std::string owner_of(const Site &site, const std::vector<Frame> &stack, const std::vector<OwnerRule> &rules);

} // namespace unpaired
