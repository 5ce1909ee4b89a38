// What a finding says of who holds its blocks, from what reachability found.
#pragma once

#include "input/model.h"
#include "passes/blame.h"
#include "passes/own.h"
#include "passes/symbolise.h"
#include "report.h"

#include <cstdint>
#include <string>
#include <vector>

namespace unpaired {

/// Fills `reachability`, `reached`, `held_by`, `last_holder` and `preview` from Trace::held of the slots; leaves them as they are
/// where there was no memory to look at.
void tell_holders(Finding &finding, const std::vector<uint32_t> &slots, const Trace &trace, Stacks &stacks,
                  const Wrappers &wrappers, const std::vector<OwnerRule> &rules, const std::string &program);

/// Adds up what tell_holders() filled in; the worse of two decides the words.
void merge_held(Finding &into, Finding &&other);

} // namespace unpaired
