#include "passes/names.h"

#include "input/function_names.h"

#include <fmt/format.h>

namespace unpaired {

std::string function_name(const Trace &trace, uint16_t id)
{
    auto at = trace.dictionary.functions.find(id);
    if (at == trace.dictionary.functions.end())
        return id == 0 ? "" : fmt::format("function {}", id);
    return name_as_called(at->second.name);
}

std::string family_name(const Trace &trace, uint16_t family, uint16_t space)
{
    if (auto at = trace.dictionary.families.find(family); at != trace.dictionary.families.end())
        return at->second.name;
    if (auto at = trace.dictionary.spaces.find(space); at != trace.dictionary.spaces.end())
        return at->second.name;
    return fmt::format("family {}", family);
}

} // namespace unpaired
