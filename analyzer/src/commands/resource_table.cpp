#include "commands/resource_table.h"

// The rows of every system: only their names are used here, their types and expressions are never compiled.
#define UNPAIRED_TABLE_LINUX
#define UNPAIRED_TABLE_LWIP
#define UNPAIRED_TABLE_LWIP_MEMORY

namespace unpaired {
namespace {

constexpr std::string_view kind_name(unpaired_space_kind kind)
{
    switch (kind) {
    case UNPAIRED_KIND_NUMBERED:
        return "numbered";
    case UNPAIRED_KIND_IN_PLACE:
        return "in place";
    case UNPAIRED_KIND_COUNTED:
        return "counted";
    case UNPAIRED_KIND_RANGE:
        return "range";
    case UNPAIRED_KIND_HELD:
        return "held";
    }
    return "?";
}

ResourceTable expand()
{
    ResourceTable table;
#define UNPAIRED_SPACE(space, kind) table.spaces.push_back({#space, kind_name(UNPAIRED_KIND_##kind)});
#define UNPAIRED_FAMILY(family, space, display) table.families.push_back({#family, #space, display});
#define UNPAIRED_PAIRS(releaser, family) table.pairs.push_back({#releaser, #family});
#define UNPAIRED_EACH_ACQUIRER(family, function) \
    table.functions.push_back({#function, UNPAIRED_ROLE_ACQUIRE, #family, ""});
#define UNPAIRED_EACH_MOVER(family, function) table.functions.back().role = UNPAIRED_ROLE_MOVE;
#define UNPAIRED_EACH_RELEASER(space, function) \
    table.functions.push_back({#function, UNPAIRED_ROLE_RELEASE, "", #space});
#define UNPAIRED_EACH_OBSERVER(space, function) \
    table.functions.push_back({#function, UNPAIRED_ROLE_OBSERVE, "", #space});
#define UNPAIRED_EACH_LIFECYCLE(function) \
    table.functions.push_back({#function, UNPAIRED_ROLE_LIFECYCLE, "", ""});
#include "unpaired/resources/table.def"
    return table;
}

} // namespace

const ResourceTable &resource_table()
{
    static const ResourceTable table = expand();
    return table;
}

} // namespace unpaired
