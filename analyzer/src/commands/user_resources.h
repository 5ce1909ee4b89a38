// Resources that a user declares in JSON, turned into rows of the resource table.
#pragma once

#include <string>
#include <vector>

namespace unpaired {

/// Rows for UNPAIRED_USER_RESOURCES_FILE, and the functions in them in the order declared.
struct UserResources {
    std::string rows;
    std::vector<std::string> functions;
};

/// Reads and validates the JSON text (docs/adding-a-resource.md has the schema); `name` is what messages call it.
/// Throws Trouble for the first thing that is wrong: broken JSON, a name that is no C identifier, an unknown
/// family, an expression that does not balance, a space without an acquirer or a releaser, a name taken already.
UserResources user_resources(const std::string &json, const std::string &name);

} // namespace unpaired
