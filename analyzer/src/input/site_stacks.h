// The stacks of a trace's sites. As in the file, those that end alike share their outer frames: a compiler's are ten times as
// large when each is whole.
#pragma once

#include "input/model.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace unpaired {

/// The return addresses of a site, innermost first: its own and those it shares; at most the innermost `most`. The trace
/// has gone through cut_broken_stacks(), or its sites share nothing.
std::vector<uint64_t> addresses_of(const Trace &trace, const Site &site, size_t most = SIZE_MAX);

/// Ends each stack with its own frames that goes on with those of a site that is missing, has not so many, or goes on with this one.
/// Returns how many. After this every stack of the trace can be followed.
uint64_t cut_broken_stacks(Trace &trace);

} // namespace unpaired
