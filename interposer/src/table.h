// The resource table as this library sees it: ids, and what the rows say about them as constant arrays.
#pragma once

#ifndef UNPAIRED_TABLE_LINUX
#define UNPAIRED_TABLE_LINUX
#endif
#ifndef UNPAIRED_TABLE_LWIP
#define UNPAIRED_TABLE_LWIP
#endif
#ifndef UNPAIRED_TABLE_LWIP_MEMORY
#define UNPAIRED_TABLE_LWIP_MEMORY
#endif
#include "unpaired/resource_ids.h"

#include <array>
#include <cstdint>

namespace unpaired {

inline constexpr unsigned space_end = UNPAIRED_SPACE_END;
inline constexpr unsigned family_end = UNPAIRED_FAMILY_END;
inline constexpr unsigned function_end = UNPAIRED_FUNCTION_END;
static_assert(family_end <= 64, "families are kept in 64-bit sets");

inline constexpr std::array<uint8_t, space_end> kind_of_space = {
    0,
#define UNPAIRED_SPACE(space, kind) UNPAIRED_KIND_##kind,
#include "unpaired/resources/table.def"
};

inline constexpr std::array<uint8_t, family_end> space_of_family = {
    0,
#define UNPAIRED_FAMILY(family, space, display) UNPAIRED_SPACE_##space,
#include "unpaired/resources/table.def"
};

/// The functions of rows with the role ACQUIRE or MOVE, and of those with RELEASE.
inline constexpr std::array<bool, function_end> acquires = [] {
    std::array<bool, function_end> result{};
#define UNPAIRED_EACH_ACQUIRER(family, function) result[UNPAIRED_FUNCTION_##function] = true;
#include "unpaired/resources/table.def"
    return result;
}();
inline constexpr std::array<bool, function_end> releases = [] {
    std::array<bool, function_end> result{};
#define UNPAIRED_EACH_RELEASER(space, function) result[UNPAIRED_FUNCTION_##function] = true;
#include "unpaired/resources/table.def"
    return result;
}();

/// Families that a releaser serves, as a set of bits; 0: all of its space.
inline constexpr std::array<uint64_t, function_end> families_served = [] {
    std::array<uint64_t, function_end> served{};
#define UNPAIRED_PAIRS(releaser, family) \
    served[UNPAIRED_FUNCTION_##releaser] |= uint64_t{1} << UNPAIRED_FAMILY_##family;
#include "unpaired/resources/table.def"
    return served;
}();

constexpr bool serves(unsigned function, unsigned family)
{
    return families_served[function] == 0 || (families_served[function] >> family & 1) != 0;
}

} // namespace unpaired
