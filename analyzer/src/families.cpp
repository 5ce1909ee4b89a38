#include "families.h"

#include <algorithm>
#include <set>
#include <utility>

// The rows of every system: only their names are used here, their types and expressions are never compiled. A family that
// stands in two parts means the same in both.
#define UNPAIRED_TABLE_LINUX
#define UNPAIRED_TABLE_NEWLIB
#define UNPAIRED_TABLE_LIBC
#define UNPAIRED_TABLE_FREERTOS
#define UNPAIRED_TABLE_RTTHREAD
#define UNPAIRED_TABLE_LWIP
#define UNPAIRED_TABLE_LWIP_MEMORY
#define UNPAIRED_TABLE_ESP
#define UNPAIRED_TABLE_WAMR

namespace unpaired {
namespace {

// NOLINTNEXTLINE(readability-identifier-naming): UNPAIRED_CLASS has them in capitals
constexpr SpaceClass MEMORY = SpaceClass::memory, LIFELONG = SpaceClass::lifelong;

struct Table {
    std::vector<FamilyOfTable> families;
    std::vector<std::pair<std::string_view, std::string_view>> verbs; // of a space or family
    std::vector<std::pair<std::string_view, SpaceClass>> classes;     // of a space
    std::vector<std::string_view> for_life;
    std::vector<std::pair<std::string_view, std::string_view>> acquirers; // family, function
};

Table expand()
{
    Table table;
#define UNPAIRED_FAMILY(family, space, display) table.families.push_back({#family, #space, display});
#define UNPAIRED_VERB(subject, verb) table.verbs.emplace_back(#subject, verb);
#define UNPAIRED_CLASS(space, of_class) table.classes.emplace_back(#space, of_class);
#define UNPAIRED_FOR_LIFE(function) table.for_life.push_back(#function);
#define UNPAIRED_EACH_ACQUIRER(family, function) table.acquirers.emplace_back(#family, #function);
#include "unpaired/resources/table.def"
    return table;
}

const Table &table()
{
    static const Table expanded = expand();
    return expanded;
}

std::set<std::string_view> memory_acquirers()
{
    std::set<std::string_view> functions;
    for (const auto &[family, function] : table().acquirers)
        if (const FamilyOfTable *known = family_of_table(family);
            known != nullptr && class_of_table(known->space) == SpaceClass::memory)
            functions.insert(function);
    return functions;
}

} // namespace

const std::vector<FamilyOfTable> &families_of_table() { return table().families; }

const FamilyOfTable *family_of_table(std::string_view name)
{
    const auto &families = table().families;
    const auto found = std::find_if(families.begin(), families.end(),
                                    [&](const FamilyOfTable &family) { return family.name == name; });
    return found == families.end() ? nullptr : &*found;
}

std::string_view verb_of_table(std::string_view space_or_family)
{
    for (const auto &[subject, verb] : table().verbs)
        if (subject == space_or_family)
            return verb;
    return {};
}

SpaceClass class_of_table(std::string_view space)
{
    for (const auto &[name, of_class] : table().classes)
        if (name == space)
            return of_class;
    return SpaceClass::unsaid;
}

bool is_for_life(std::string_view function)
{
    const auto &functions = table().for_life;
    return std::find(functions.begin(), functions.end(), function) != functions.end();
}

bool acquires_memory(std::string_view function)
{
    static const std::set<std::string_view> functions = memory_acquirers();
    return functions.contains(function);
}

} // namespace unpaired
