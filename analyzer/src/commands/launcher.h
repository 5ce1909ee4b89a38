// Starts a program with the recorder loaded into it, waits for it, and hands over the traces it left.
#pragma once

#include "commands/child_process.h"
#include "commands/private_folder.h"
#include "commands/report_keeper.h"
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
    std::vector<int> descriptors;     ///< inherited descriptors for the report, besides stderr
    SymbolOptions symbols;            ///< for function and source file rules
};

/// A program that has ended, and its traces. The destructor ends the keeper, and removes the folder (unless kept).
/// Signals stay blocked, except for TSTP.
struct Launched {
    std::unique_ptr<PrivateFolder> folder;
    std::unique_ptr<ReportKeeper> keeper; ///< writes the report if the launcher is killed before
    std::string program;                  ///< the file that was started
    pid_t pid = 0;
    int wait_status = 0;
    std::vector<std::string> problems; ///< sentences: what could not be prepared or noted
};

/// Refuses with Trouble what cannot be started or recorded, before anything is started; else starts it, waits for
/// it, and notes in its trace how it ended.
Launched launch(const LaunchOptions &options);

/// What a shell would make of it: the exit status, or 128+N after signal N.
int exit_status_of(int wait_status);

/// Ends this process by the signal that ended the program, or returns the program's exit status.
int end_as_the_program(int wait_status);

/// The sentence for a program that left no trace.
std::string not_recorded(const std::string &program);

/// The recorder beside this executable. Throws Trouble that names the places searched.
std::string find_recorder();

} // namespace unpaired
