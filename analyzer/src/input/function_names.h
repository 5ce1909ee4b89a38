// Functions of a dictionary by the name a person knows them under.
#pragma once

#include "input/model.h"

#include <cstdint>
#include <set>
#include <string>

namespace unpaired {

/// What a program calls: newlib's hooks lie one layer below, malloc() calls _malloc_r().
std::string name_as_called(const std::string &name);

/// The ids of the functions with this name, as the dictionary spells it or as programs call it, that acquire or
/// release: their calls can begin cycles.
std::set<uint16_t> functions_called(const Dictionary &dictionary, const std::string &name);

} // namespace unpaired
