// What changed between two reports, as text for people and as JSON (docs/report.md has the names).
#pragma once

#include "passes/compare.h"
#include "writers/text.h"

#include <ostream>
#include <string>

namespace unpaired {

struct DiffNames {
    std::string before, after;          ///< the files, as given
    Severity least = Severity::suspect; ///< what counts for the exit status (--fail-on)
};

/// New findings with their evidence; one line for each that has grown, shrunk or gone; what is unchanged, notes and
/// suppressed ones counted in one line, or shown too with TextStyle::all.
std::string write_diff_text(const Comparison &comparison, const DiffNames &names, const TextStyle &style);

/// `"schema": "unpaired-diff/1"`: every difference, the unchanged ones too.
void write_diff_json(std::ostream &out, const Comparison &comparison, const DiffNames &names);

} // namespace unpaired
