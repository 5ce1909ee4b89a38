// Names in a trace are whatever a program was called: they must not steer the terminal that shows them.
#pragma once

#include "report.h"

#include <string>
#include <vector>

namespace unpaired {

/// The report with every control character in its texts replaced by '?'.
Report cleaned(Report report);
std::string cleaned(std::string text);
Stack cleaned(Stack stack);

/// The same of parts of it, and of a single text.
ImageReport cleaned(ImageReport image);
Finding cleaned(Finding finding);
TraceInfo cleaned(TraceInfo trace);
std::string cleaned(std::string text);

} // namespace unpaired
