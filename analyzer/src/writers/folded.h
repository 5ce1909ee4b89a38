// Folded stacks, a line each, as flamegraph.pl and speedscope read them.
#pragma once

#include "writers/formats.h"

namespace unpaired {

/// Writes "unit;program;main;...;acquirer weight", sorted, outermost frame first. The first frame is the unit of the
/// weight: "bytes" for findings whose bytes are known, "objects" for the others (sockets, locks), so that the two are
/// never added up. Semicolons in names become colons. Notes and suppressed findings only with `options.all`.
void write_folded(std::ostream &out, const Report &report, const WriteOptions &options);

} // namespace unpaired
