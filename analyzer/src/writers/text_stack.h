// A stack in the text report: a line a frame, the blamed one pointed at.
#pragma once

#include "report.h"
#include "writers/text_canvas.h"

#include <vector>

namespace unpaired {

/// Draws `stack` from the innermost frame on, without what starts every program and every thread, and cut after
/// a dozen frames unless everything is asked for. The frame equal to `blame` (nullptr: none) is never cut away.
void write_stack(TextCanvas &canvas, const Stack &stack, const Frame *blame);

} // namespace unpaired
