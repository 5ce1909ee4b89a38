// How many of each finding's kind were acquired and released in all, where nothing went wrong included.
#pragma once

#include "input/model.h"
#include "passes/blame.h"
#include "passes/group.h"
#include "passes/own.h"
#include "passes/pair.h"
#include "passes/symbolise.h"

#include <string>
#include <vector>

namespace unpaired {

/// Sets `acquired` and `released` of each finding to the sums over all sites of the image that are the same
/// acquisition to a reader (acquisition_key), the balanced ones too: a loop that the compiler unrolled has a
/// site for each copy, and only some of them may leak.
void count_all_sites(std::vector<Described> &findings, const Trace &trace, const PairedImage &image,
                     Stacks &stacks, const Wrappers &wrappers, const std::vector<OwnerRule> &rules,
                     const std::string &program);

} // namespace unpaired
