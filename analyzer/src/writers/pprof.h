// pprof's profile.proto, gzipped: what `go tool pprof`, Perfetto and speedscope read.
#pragma once

#include "writers/formats.h"

namespace unpaired {

/// Writes one profile of all images. A sample is a finding of which something is unpaired, with two values:
/// unpaired_objects/count and unpaired_space/bytes. Its innermost location is the acquirer. Labels: program, pid,
/// family, owner, rule, severity, finding. Notes and suppressed findings only with `options.all`.
void write_pprof(std::ostream &out, const Report &report, const WriteOptions &options);

} // namespace unpaired
