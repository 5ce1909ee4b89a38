// The report for people: what was found first, each finding's evidence after it, totals and remarks last.
#pragma once

#include "report.h"

#include <functional>
#include <ostream>
#include <string>

namespace unpaired {

/// How the text report looks. `width` is in columns; lines are wrapped there where they can be.
struct TextStyle {
    bool colour = false; ///< ANSI colours, for a terminal
    unsigned width = 100;
    /// The link (URI) to a line of a source file, "" for none; no function: no links. For a terminal.
    std::function<std::string(const std::string &file, int line)> link;
    bool all = false; ///< notes, suppressed findings and whole stacks instead of one line that counts them
};

/// Writes `report` as text, ending with a newline. Never fails; an empty report says that nothing was recorded.
std::string write_text(const Report &report, const TextStyle &style);
void write_text(std::ostream &out, const Report &report, const TextStyle &style);

/// The sentence a finding opens with, without colours: "3 of 10 sockets never closed: accept4 in serve_one,
/// server.c:11 (owner MBUS)". `trace` tells what its cycles are called.
std::string finding_sentence(const Finding &finding, const TraceInfo &trace = {});

} // namespace unpaired
