// Owners of sites, those that the recorder could not settle by the rules given to the report.
#pragma once

#include "input/model.h"
#include "report.h"
#include "symbols/owner_rules.h"

#include <string>
#include <vector>

namespace unpaired {

/// The owner as a person reads it: without the padding; "" if there is none.
std::string owner_text(uint32_t owner);

/// The owner of a site: what the program declared stays; else what a rule says, for the recorder did not know
/// modules loaded later; else what the recorder settled or fell back to (thread or module name).
std::string owner_of(const Site &site, const Stack &stack, const std::vector<OwnerRule> &rules);

} // namespace unpaired
