#include "input/function_names.h"

namespace unpaired {

std::string name_as_called(const std::string &name)
{
    constexpr std::string_view before = "_", behind = "_r";
    if (name.size() > before.size() + behind.size() && name.starts_with(before) && !name.starts_with("__") &&
        !name.starts_with("_Z") && name.ends_with(behind))
        return name.substr(before.size(), name.size() - before.size() - behind.size());
    return name;
}

std::set<uint16_t> functions_called(const Dictionary &dictionary, const std::string &name)
{
    std::set<uint16_t> ids;
    for (const auto &[id, function] : dictionary.functions)
        if ((function.name == name || name_as_called(function.name) == name) &&
            (function.role == UNPAIRED_ROLE_ACQUIRE || function.role == UNPAIRED_ROLE_MOVE ||
             function.role == UNPAIRED_ROLE_RELEASE))
            ids.insert(id);
    return ids;
}

} // namespace unpaired
