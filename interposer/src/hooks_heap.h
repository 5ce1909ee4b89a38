// Which functions make up an allocator: if the program brings its own, all of them are left alone.
#pragma once

#include "table.h"

#include <array>

namespace unpaired {

/// Ids of the heap space's functions: those of the C library (operators = false) or operator new and delete.
template <bool operators> constexpr auto functions_of_heap()
{
    std::array<unsigned, function_end> ids{};
    unsigned n = 0;
    const auto take = [&](unsigned space, unsigned id, const char *name) {
        if (space == UNPAIRED_SPACE_heap && (name[0] == '_' && name[1] == 'Z') == operators)
            ids[n++] = id;
    };
#define UNPAIRED_EACH_ACQUIRER(family, function) \
    take(UNPAIRED_SPACE_OF_##family, UNPAIRED_FUNCTION_##function, #function);
#define UNPAIRED_EACH_RELEASER(space, function) \
    take(UNPAIRED_SPACE_##space, UNPAIRED_FUNCTION_##function, #function);
#define UNPAIRED_EACH_OBSERVER(space, function) \
    take(UNPAIRED_SPACE_##space, UNPAIRED_FUNCTION_##function, #function);
#include "unpaired/resources/table.def"
    struct List {
        std::array<unsigned, function_end> ids;
        unsigned n;
        constexpr const unsigned *begin() const { return ids.data(); }
        constexpr const unsigned *end() const { return ids.data() + n; }
    };
    return List{ids, n};
}
inline constexpr auto heap_functions = functions_of_heap<false>();
inline constexpr auto operator_functions = functions_of_heap<true>();

} // namespace unpaired
