// `unpaired report --follow`: a table of what is live, again and again.
#pragma once

#include "commands/report_options.h"

#include <string>
#include <vector>

namespace unpaired {

struct FollowOptions {
    std::vector<std::string> targets;  ///< process ids, traces, streams
    std::vector<std::string> firmware; ///< ELF files, for streams
    double interval_s = 1;             ///< between looks, at least
    unsigned count = 0; ///< so many looks; 0: until the program ends, or the user wants no more
};

/// Shows the table on a terminal until q, else writes it as text until the program ends. Returns the exit status.
/// Throws Trouble or InputError for what cannot be followed.
int follow(const FollowOptions &options, const ReportOptions &report);

} // namespace unpaired
