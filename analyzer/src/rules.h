// The rules a finding can be of, as data: their names, and what a person should know about each. And what the
// severities are called.
#pragma once

#include "report.h"

#include <span>
#include <string_view>

namespace unpaired {

struct Rule {
    std::string_view name;   ///< Finding::rule
    std::string_view title;  ///< what happened, in a few words
    std::string_view advice; ///< what it means and where to look, in a sentence or two
    /// What the finding counts still exists (or is lost) when the program ends: its bytes are unpaired bytes.
    bool left_behind;
};

/// All of them, in the order of docs/report.md.
std::span<const Rule> rules();

/// nullptr if there is no rule of that name, as in a trace of a later version.
const Rule *find_rule(std::string_view name);

/// "leak", "suspect", "note": in reports and on the command line.
std::string_view severity_name(Severity severity);

} // namespace unpaired
