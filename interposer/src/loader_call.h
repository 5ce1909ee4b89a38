// Calls of dlopen(3) and dlmopen(3) that the loader takes for the program's own.
#pragma once

#include "state.h"

namespace unpaired::loader_call {

/// Calls `function` with three arguments. The loader looks at the return address to find which library calls: its RUNPATH,
/// $ORIGIN and namespace count. `caller` is an address in that library. Where the processor keeps return addresses apart
/// (a shadow stack), or the library has no instructions that fit, the call is a plain one.
void *call(const Caller &caller, void *function, long a, long b, long c);

} // namespace unpaired::loader_call
