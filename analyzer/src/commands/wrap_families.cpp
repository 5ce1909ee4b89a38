#include "commands/wrap_families.h"

#include "unpaired/trace_format.h"

#include <algorithm>

namespace unpaired {
namespace {

/// Takes a row's function into a family.
void add(WrapFamily &family, std::string_view function)
{
    if (std::find(family.functions.begin(), family.functions.end(), function) == family.functions.end())
        family.functions.push_back(function);
}

/// The table is included once for each of its choosers, since a macro cannot include a file.
std::vector<WrapFamily> expand()
{
    std::vector<WrapFamily> families;

    families.push_back({"heap-newlib", "UNPAIRED_TABLE_NEWLIB", {}});
#define UNPAIRED_TABLE_NEWLIB
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_NEWLIB

    families.push_back({"heap-libc", "UNPAIRED_TABLE_LIBC", {}});
#define UNPAIRED_TABLE_LIBC
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_LIBC

    families.push_back({"freertos", "UNPAIRED_TABLE_FREERTOS", {}});
#define UNPAIRED_TABLE_FREERTOS
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_FREERTOS

    families.push_back({"rtthread", "UNPAIRED_TABLE_RTTHREAD", {}});
#define UNPAIRED_TABLE_RTTHREAD
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_RTTHREAD

    families.push_back({"lwip", "UNPAIRED_TABLE_LWIP", {}});
#define UNPAIRED_TABLE_LWIP
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_LWIP

    families.push_back({"lwip-memory", "UNPAIRED_TABLE_LWIP_MEMORY", {}});
#define UNPAIRED_TABLE_LWIP_MEMORY
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_LWIP_MEMORY

    families.push_back({"esp", "UNPAIRED_TABLE_ESP", {}});
#define UNPAIRED_TABLE_ESP
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_ESP

    families.push_back({"wamr", "UNPAIRED_TABLE_WAMR", {}});
#define UNPAIRED_TABLE_WAMR
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_WAMR

    families.push_back({"pthread", "UNPAIRED_TABLE_PTHREAD", {}});
#define UNPAIRED_TABLE_PTHREAD
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_PTHREAD

    families.push_back({"pthread-held", "UNPAIRED_TABLE_PTHREAD_HELD", {}});
#define UNPAIRED_TABLE_PTHREAD_HELD
#define UNPAIRED_EACH_FUNCTION(function) add(families.back(), #function);
#include "unpaired/resources/table.def"
#undef UNPAIRED_TABLE_PTHREAD_HELD

    std::erase_if(families, [](const WrapFamily &family) { return family.functions.empty(); });
    return families;
}

} // namespace

const std::vector<WrapFamily> &wrap_families()
{
    static const std::vector<WrapFamily> families = expand();
    return families;
}

const WrapFamily *find_wrap_family(std::string_view name)
{
    for (const WrapFamily &family : wrap_families())
        if (family.name == name || (family.name.starts_with("heap-") && family.name.substr(5) == name))
            return &family;
    return nullptr;
}

} // namespace unpaired
