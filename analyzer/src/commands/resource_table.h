// The resource table this build was made with, as data.
#pragma once

#include "unpaired/trace_format.h"

#include <string_view>
#include <vector>

namespace unpaired {

struct TableSpace {
    std::string_view name, kind; ///< kind in lower case: "numbered"
};

struct TableFamily {
    std::string_view name, space, display;
};

struct TableFunction {
    std::string_view name;
    unpaired_role role;
    std::string_view family; ///< of acquirers; "" for others
    std::string_view space;  ///< of releasers and observers; "" for others
};

/// A releaser that serves only some families of its space.
struct TablePair {
    std::string_view releaser, family;
};

struct ResourceTable {
    std::vector<TableSpace> spaces;
    std::vector<TableFamily> families;
    std::vector<TableFunction> functions;
    std::vector<TablePair> pairs;
};

const ResourceTable &resource_table();

} // namespace unpaired
