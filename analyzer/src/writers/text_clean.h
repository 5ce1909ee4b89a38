// Other programs choose the names in a trace: these must not control the terminal that shows them.
#pragma once

#include "report.h"

#include <string>
#include <vector>

namespace unpaired {

/// Returns the report with one_printable_line() of each of its texts.
Report cleaned(Report report);
std::string cleaned(std::string text);
Stack cleaned(Stack stack);

/// The same of parts of it, and of a single text.
ImageReport cleaned(ImageReport image);
Finding cleaned(Finding finding);
TraceInfo cleaned(TraceInfo trace);
std::string cleaned(std::string text);

} // namespace unpaired
