// Names from a trace's dictionary, as a report spells them.
#pragma once

#include "input/model.h"

#include <cstdint>
#include <string>

namespace unpaired {

/// The function's name as the resource table has it (operators under their linkage names); "" for 0.
/// Of newlib's reentrant layer the name that a program calls: malloc for _malloc_r.
std::string function_name(const Trace &trace, uint16_t id);

/// The family's name, or the space's where the family is not known.
std::string family_name(const Trace &trace, uint16_t family, uint16_t space = 0);

} // namespace unpaired
