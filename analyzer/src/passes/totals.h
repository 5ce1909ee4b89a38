// Sums by family and by owner. Parts count like everything else, so that acquired = released +
// released_unseen + unpaired.
#pragma once

#include "input/model.h"
#include "passes/pair.h"
#include "report.h"

#include <functional>
#include <map>
#include <string>

namespace unpaired {

/// By family's name; families that the image never touched are left out.
std::map<std::string, FamilyTotals> total_by_family(const Trace &trace, const PairedImage &image);

/// By owner; "unknown" where there is none. `owner_of_site` tells a site's owner.
std::map<std::string, OwnerTotals>
total_by_owner(const Trace &trace, const PairedImage &image,
               const std::function<std::string(const Site &)> &owner_of_site);

} // namespace unpaired
