// What the resource table this analyzer was built with says beside the rows of functions: families, what giving one back
// is called, what is expected of a space. Every part of the table is in it, whatever recorded a trace.
#pragma once

#include <string_view>
#include <vector>

namespace unpaired {

struct FamilyOfTable {
    std::string_view name, space, display; ///< display: what a person calls one
};

const std::vector<FamilyOfTable> &families_of_table();

/// nullptr for a family that the table does not have.
const FamilyOfTable *family_of_table(std::string_view name);

/// "close", as a row VERB has it for a space or family; "" if none does.
std::string_view verb_of_table(std::string_view space_or_family);

enum class SpaceClass { unsaid, memory, lifelong };

/// As a row CLASS has it.
SpaceClass class_of_table(std::string_view space);

/// Whether a row FOR_LIFE names the function: what is acquired below it is kept for life.
bool is_for_life(std::string_view function);

/// Whether the function acquires memory.
bool acquires_memory(std::string_view function);

} // namespace unpaired
