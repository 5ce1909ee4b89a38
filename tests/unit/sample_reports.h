// Reports made by hand, for tests of what is written: one with all there can be, one with hostile names, a big one.
#pragma once

#include "report.h"

namespace unpaired::samples {

/// A gateway that loses a socket and two blocks with every reconnect, and its worker that exits with a block held:
/// an incident, series, a failed release, a sibling, forecasts, previews, a suppressed finding, a note.
Report gateway();

/// `gateway`'s program path: its sources lie in "/home/ada/gateway/src".
inline constexpr const char *gateway_root = "/home/ada/gateway";

/// Every text is an attack: markup, ends of scripts, control characters, broken UTF-8, separators of formats. A page
/// that executes any of it sets window.pwned.
Report hostile();

/// `count` findings of 24 frames each, from a few hundred functions.
Report big(int count);

} // namespace unpaired::samples
