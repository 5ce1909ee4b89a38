// SARIF 2.1.0 (OASIS), within what GitHub's code scanning takes.
#pragma once

#include "writers/formats.h"

namespace unpaired {

/// Writes one run with an invocation per image and a result per finding. Paths below `options.source_root` are
/// relative to it (SRCROOT); the fingerprint unpairedFinding/v1 is the finding's id. Notes and suppressed findings
/// only with `options.all`: code scanning opens an alert for each result, suppressed or not
/// (github/codeql-action issue 1230).
void write_sarif(std::ostream &out, const Report &report, const WriteOptions &options);

} // namespace unpaired
