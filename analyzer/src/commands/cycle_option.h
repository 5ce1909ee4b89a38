// --cycle FUNCTION: each call of a function of the resource table begins a cycle.
#pragma once

#include "input/model.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace unpaired {

void add_cycle_option(CLI::App &command, const std::string &group, std::string &function);

/// Before anything is recorded. Throws Trouble with names that are close, if this build's table has no such function,
/// or it neither acquires nor releases anything. "" is no function asked for.
void require_cycle_function(const std::string &function);

/// The same for traces that are there, which bring their own tables; also if none of them was recorded while the
/// function was called.
void require_cycle_function(const std::string &function, const std::vector<Trace> &traces);

/// A remark for each function that the recordings were to begin cycles with and that was never called.
void remark_functions_not_called(const std::vector<Trace> &traces, std::vector<std::string> &remarks);

} // namespace unpaired
