// Runs a program in our place: same process group, same signals, nothing extra inherited.
#pragma once

#include "commands/held_signals.h"
#include "commands/signal_witness.h"

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace unpaired {

/// Starts `file` with `arguments` (the name first) and `environment` ("NAME=value"). Returns its pid after exec has
/// succeeded. Before exec, the child calls `forked` with its pid; `forked` must be async-signal-safe. A file that is
/// not ELF and has no "#!" is run by /bin/sh, as by execvp(3). Throws Trouble.
pid_t start_program(const std::string &file, const std::vector<std::string> &arguments,
                    const std::vector<std::string> &environment, SignalsHeld &signals,
                    const std::function<void(pid_t)> &forked);

/// Waits until `pid` ended and returns its wait status. Forwards the signals that were sent to this process alone,
/// and stops when the program stops.
int wait_forwarding(pid_t pid, SignalWitness &witness);

} // namespace unpaired
