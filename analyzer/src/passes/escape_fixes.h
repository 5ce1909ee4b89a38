// What to do about calls that escape: commands for object files, or advice.
#pragma once

#include "passes/escapes.h"

#include <functional>
#include <string>
#include <vector>

namespace unpaired {

/// Where a function was linked from. `known` is false where nobody could tell: then the lines have placeholders.
struct FunctionOrigin {
    bool known = false;
    std::string file, member; ///< object file, or archive and member
    std::string section;
    uint64_t offset = 0; ///< with the Thumb bit
};

/// Lines of one thing to do: commands as a shell takes them, and lines that begin with "# ".
struct Fix {
    std::vector<std::string> lines;
};

/// One for each object file or cause, in the order of the escapes. The commands for an object file rename the
/// function there to `__wrap_F`, weakly, so that calls within it lead to the hook, and define `F` again at the
/// same place for the hook to call. The link stays as it is. `tool_prefix` is put before objcopy and ar.
std::vector<Fix> fixes_for(const std::vector<Escape> &escapes,
                           const std::function<FunctionOrigin(const Escape &)> &origin_of,
                           const std::string &tool_prefix);

} // namespace unpaired
