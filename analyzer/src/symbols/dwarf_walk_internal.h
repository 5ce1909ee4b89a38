// Questions to DWARF that libdw leaves to its callers: which function, through which inlined calls, what name.
// Addresses here are DWARF's own (the file's virtual address minus DebugFile::dwarf_bias()).
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace unpaired {

/// The linkage name of a function or inlined call, from wherever its definition keeps it; null if it has none.
const char *linkage_name_of(Dwarf_Die *die);
/// The name as the source spells it, without scope and parameters; null if it has none.
const char *source_name_of(Dwarf_Die *die);

/// A path of the line table or a declaration made absolute by the unit's compilation directory, and without
/// "." and "..".
std::string absolute_source_path(const char *path, Dwarf_Die *unit);

/// A compilation unit: `unit` has the line table; `tree` the functions. They differ in split DWARF only.
struct CodeUnit {
    Dwarf_Die unit, tree;
};

/// All units that hold code.
std::vector<CodeUnit> code_units(Dwarf *dwarf);

/// Calls `visit` for every function of the unit that has code, nested ones after the one around them.
void for_each_function(Dwarf_Die *tree, const std::function<void(Dwarf_Die *)> &visit);

/// Calls `visit` for every call inlined into the function, outer before inner, with how many inlined calls are
/// around it.
void for_each_inlined_call(Dwarf_Die *function, const std::function<void(Dwarf_Die *, int)> &visit);

/// The file a function is written in, as absolute_source_path() has it; "" if not known. `unit` is the one that
/// was being read.
std::string declaring_file(Dwarf_Die *function, CodeUnit unit);

/// Address ranges of a DIE.
struct CodeRange {
    uint64_t start, end; ///< end exclusive
};
std::vector<CodeRange> code_ranges(Dwarf_Die *die);

struct SourceLine {
    std::string file; ///< absolute where that is known
    int line = 0;     ///< 0: not known
};

/// Finds units and functions by address. Reads each unit's tree once, when first asked about it.
class DwarfIndex {
public:
    explicit DwarfIndex(Dwarf *dwarf) : dwarf_(dwarf) {}

    /// The unit whose code covers the address.
    std::optional<CodeUnit> unit_at(uint64_t address);
    /// The function at the address and the calls inlined there, outermost first; empty if not known.
    std::vector<Dwarf_Die> calls_at(const CodeUnit &unit, uint64_t address);
    /// What the line table says of the address.
    SourceLine line_at(CodeUnit unit, uint64_t address);
    /// Where the call that was inlined as `inlined_call` stands in the source.
    SourceLine call_site_of(CodeUnit unit, Dwarf_Die inlined_call);

private:
    struct UnitRange {
        uint64_t start, end;
        size_t unit;
    };
    struct FunctionRange {
        uint64_t start, end;
        Dwarf_Die function;
    };
    void read_units();
    const std::vector<FunctionRange> &functions_of(const CodeUnit &unit);

    Dwarf *dwarf_;
    bool units_read_ = false;
    std::vector<CodeUnit> units_;
    std::vector<UnitRange> unit_ranges_;                     // sorted by start
    std::map<void *, std::vector<FunctionRange>> functions_; // by the address of the unit's tree
};

} // namespace unpaired
