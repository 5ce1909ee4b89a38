#include "passes/names.h"

#include <fmt/format.h>

namespace unpaired {
namespace {

/// newlib hooks lie one layer below what the program calls: malloc() calls _malloc_r().
std::string without_reent(const std::string &name)
{
    constexpr std::string_view before = "_", behind = "_r";
    if (name.size() > before.size() + behind.size() && name.starts_with(before) && !name.starts_with("__") &&
        !name.starts_with("_Z") && name.ends_with(behind))
        return name.substr(before.size(), name.size() - before.size() - behind.size());
    return name;
}

} // namespace

std::string function_name(const Trace &trace, uint16_t id)
{
    auto at = trace.dictionary.functions.find(id);
    if (at == trace.dictionary.functions.end())
        return id == 0 ? "" : fmt::format("function {}", id);
    return without_reent(at->second.name);
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
