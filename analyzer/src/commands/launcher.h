// Starts a program with the recorder loaded into it, waits for it, and hands over the traces it left.
#pragma once

#include "commands/child_process.h"
#include "commands/private_folder.h"
#include "symbols/symbol_options.h"

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace unpaired {

struct LaunchOptions {
    std::vector<std::string> command; ///< the program's name, then its arguments
    std::optional<bool> locks;        ///< record held locks; the recorder's default if not said
    std::optional<bool> reachability; ///< tell at the end who holds what is left; the same
    std::string walk;                 ///< rules or frame-pointers; empty: as the recorder does by itself
    bool every_event = false;         ///< log each acquisition and release
    std::string max_trace;            ///< as given, validated: "512M"; "" for the recorder's default
    std::string cycle_function;       ///< each call of it begins a cycle; "" for none
    std::vector<std::string> owners;  ///< rules, `pattern=MAGIC`, first wins
    SymbolOptions symbols;            ///< for function and source file rules
};

/// A program that has ended, and what it left. Its destructor removes the folder (unless kept), and then gives
/// signals their old effect: one that came meanwhile takes effect then.
struct Launched {
    std::unique_ptr<SignalsHeld> signals; // first, so that it goes last
    std::unique_ptr<PrivateFolder> folder;
    std::string program; ///< the file started
    pid_t pid = 0;
    int wait_status = 0;
    std::vector<std::string> problems; ///< sentences: what could not be prepared or noted
};

/// Refuses with Trouble what cannot be started or recorded, before anything is started; else starts it, waits for
/// it, and notes in its trace how it ended.
Launched launch(const LaunchOptions &options);

/// What a shell would make of it: the exit status, or 128+N after signal N.
int exit_status_of(int wait_status);

/// The sentence for a program that left no trace.
std::string not_recorded(const std::string &program);

/// The recorder beside this executable. Throws Trouble that names the places searched.
std::string find_recorder();

} // namespace unpaired
