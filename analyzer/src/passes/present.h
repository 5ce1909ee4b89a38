// Cases with their names: functions, families, symbolised stacks, owners, blame.
#pragma once

#include "input/model.h"
#include "passes/blame.h"
#include "passes/classify.h"
#include "passes/group.h"
#include "passes/own.h"
#include "passes/pair.h"
#include "passes/symbolise.h"

#include <string>
#include <vector>

namespace unpaired {

/// Learns the wrappers of a trace from the innermost frames of all its sites, the balanced ones too. Sites that
/// no unpaired acquisition has to do with are only looked at where they tell something about its frames.
Wrappers learn_wrappers(const Trace &trace, const std::vector<PairedImage> &images, Stacks &stacks);

/// Turns each case into a finding that lacks growth, severity and id.
std::vector<Described> present(const std::vector<Case> &cases, const Trace &trace, Stacks &stacks,
                               const Wrappers &wrappers, const std::vector<OwnerRule> &rules,
                               const std::string &program);

} // namespace unpaired
