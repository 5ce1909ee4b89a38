// Calls dlopen(3) and dlmopen(3) in such a way that the loader takes the program for the caller.
#pragma once

#include "state.h"

namespace unpaired::loader_call {

/// Calls `function` with three arguments. The loader finds the calling library by the return address, and uses its
/// RUNPATH, $ORIGIN and namespace. `caller` is an address in that library. The call is a plain one if the processor
/// has a shadow stack, or if the library has no instructions that fit.
void *call(const Caller &caller, void *function, long a, long b, long c);

} // namespace unpaired::loader_call
