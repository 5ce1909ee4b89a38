// The report as one page for a browser.
#pragma once

#include "report.h"

#include <ostream>

namespace unpaired {

/// Writes an HTML page that has style, scripts and the whole report (notes and suppressed findings too) in itself and
/// loads nothing. Works from file://.
void write_html(std::ostream &out, const Report &report);

} // namespace unpaired
