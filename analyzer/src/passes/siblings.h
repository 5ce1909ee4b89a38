// The acquisition beside a leaking one that is given back each time: it shows how the other should have ended.
#pragma once

#include "input/model.h"
#include "passes/blame.h"
#include "passes/group.h"
#include "passes/pair.h"
#include "passes/symbolise.h"

#include <string>
#include <vector>

namespace unpaired {

/// Sets Finding::sibling of judged findings that were never released: the nearest acquisition of the same family, in
/// the same function or file, through the same wrappers, that happened as often and balances. Only sites that come
/// into question by their numbers are named.
void name_siblings(std::vector<Described> &findings, const Trace &trace, const PairedImage &image,
                   Stacks &stacks, const Wrappers &wrappers, const std::string &program);

} // namespace unpaired
