#include "symbols/dwarf_walk_internal.h"

#include <dwarf.h>

#include <algorithm>
#include <filesystem>

namespace unpaired {

namespace {

// Damaged or hostile debug information may nest without end.
constexpr int max_depth = 200;
constexpr size_t max_ranges = 100'000;

bool holds_functions(int tag)
{
    switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_interface_type:
    case DW_TAG_enumeration_type: // Rust gives enumerations methods
    case DW_TAG_subprogram:
    case DW_TAG_lexical_block:
        return true;
    default:
        return false;
    }
}

bool has_code(Dwarf_Die *die) { return dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges); }

void visit_functions(Dwarf_Die *parent, const std::function<void(Dwarf_Die *)> &visit, int depth)
{
    Dwarf_Die child;
    if (depth > max_depth || dwarf_child(parent, &child) != 0)
        return;
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_subprogram && has_code(&child))
            visit(&child);
        if (holds_functions(tag))
            visit_functions(&child, visit, depth + 1);
    } while (dwarf_siblingof(&child, &child) == 0);
}

void visit_inlined_calls(Dwarf_Die *parent, const std::function<void(Dwarf_Die *, int)> &visit, int around,
                         int depth)
{
    Dwarf_Die child;
    if (depth > max_depth || dwarf_child(parent, &child) != 0)
        return;
    do {
        int tag = dwarf_tag(&child);
        bool is_call = tag == DW_TAG_inlined_subroutine;
        if (is_call)
            visit(&child, around);
        if (is_call || tag == DW_TAG_lexical_block)
            visit_inlined_calls(&child, visit, around + is_call, depth + 1);
    } while (dwarf_siblingof(&child, &child) == 0);
}

/// Appends the inlined calls below `parent` that cover the address; true if there are any.
bool descend(Dwarf_Die *parent, uint64_t address, std::vector<Dwarf_Die> &calls, int depth)
{
    Dwarf_Die child;
    if (depth > max_depth || dwarf_child(parent, &child) != 0)
        return false;
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_inlined_subroutine && dwarf_haspc(&child, address) > 0) {
            calls.push_back(child);
            descend(&child, address, calls, depth + 1);
            return true;
        }
        // a block without addresses of its own may still hold calls that have some
        if (tag == DW_TAG_lexical_block && (!has_code(&child) || dwarf_haspc(&child, address) > 0) &&
            descend(&child, address, calls, depth + 1))
            return true;
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

const char *text_attribute(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

/// The file that an attribute's number stands for in the table of its unit.
std::string file_of(Dwarf_Attribute *attribute, CodeUnit unit)
{
    // Not dwarf_decl_file(): that one aborts the process where a split unit has no table of its own.
    Dwarf_Word number = 0;
    Dwarf_Die owner;
    Dwarf_Files *files = nullptr;
    size_t count = 0;
    if (!attribute || dwarf_formudata(attribute, &number) != 0 ||
        !dwarf_cu_die(attribute->cu, &owner, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr))
        return {};
    if (dwarf_getsrcfiles(&owner, &files, &count) != 0 &&
        (owner.cu != unit.tree.cu || dwarf_getsrcfiles(&unit.unit, &files, &count) != 0))
        return {};
    // a split unit has no compilation directory either
    Dwarf_Die *base = owner.cu == unit.tree.cu ? &unit.unit : &owner;
    return number < count ? absolute_source_path(dwarf_filesrc(files, number, nullptr, nullptr), base) : "";
}

} // namespace

const char *linkage_name_of(Dwarf_Die *die)
{
    const char *name = text_attribute(die, DW_AT_linkage_name);
    return name ? name : text_attribute(die, DW_AT_MIPS_linkage_name);
}

const char *source_name_of(Dwarf_Die *die) { return text_attribute(die, DW_AT_name); }

std::string absolute_source_path(const char *path, Dwarf_Die *unit)
{
    if (!path || !*path)
        return "";
    std::filesystem::path source(path);
    if (source.is_relative())
        // a relative one ("./libio") is in the line table's names already
        if (const char *directory = text_attribute(unit, DW_AT_comp_dir); directory && *directory == '/')
            source = std::filesystem::path(directory) / source;
    return source.lexically_normal().string();
}

std::vector<CodeUnit> code_units(Dwarf *dwarf)
{
    std::vector<CodeUnit> units;
    Dwarf_CU *cursor = nullptr;
    CodeUnit unit;
    uint8_t type = 0;
    Dwarf_Die split;
    while (dwarf_get_units(dwarf, cursor, &cursor, nullptr, &type, &unit.unit, &split) == 0) {
        if (type != DW_UT_compile && type != DW_UT_skeleton)
            continue;
        unit.tree = type == DW_UT_skeleton && split.addr ? split : unit.unit;
        units.push_back(unit);
    }
    return units;
}

void for_each_function(Dwarf_Die *tree, const std::function<void(Dwarf_Die *)> &visit)
{
    visit_functions(tree, visit, 0);
}

void for_each_inlined_call(Dwarf_Die *function, const std::function<void(Dwarf_Die *, int)> &visit)
{
    visit_inlined_calls(function, visit, 0, 0);
}

std::string declaring_file(Dwarf_Die *function, CodeUnit unit)
{
    Dwarf_Attribute attribute;
    return file_of(dwarf_attr_integrate(function, DW_AT_decl_file, &attribute), unit);
}

std::vector<CodeRange> code_ranges(Dwarf_Die *die)
{
    std::vector<CodeRange> ranges;
    Dwarf_Addr base = 0, start = 0, end = 0;
    ptrdiff_t cursor = 0;
    while (ranges.size() < max_ranges && (cursor = dwarf_ranges(die, cursor, &base, &start, &end)) > 0)
        // what the linker threw away starts at 0 (or at the highest address)
        if (start < end && start != 0)
            ranges.push_back({start, end});
    return ranges;
}

namespace {

/// Whether the unit's own ranges hold the address.
bool covers(Dwarf_Die *unit, uint64_t address)
{
    const std::vector<CodeRange> ranges = code_ranges(unit);
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const CodeRange &range) { return address >= range.start && address < range.end; });
}

} // namespace

void DwarfIndex::read_units()
{
    units_read_ = true;
    units_ = code_units(dwarf_);
    for (size_t i = 0; i < units_.size(); i++) {
        auto ranges = code_ranges(&units_[i].unit);
        if (ranges.empty())
            ranges = code_ranges(&units_[i].tree);
        for (auto range : ranges)
            unit_ranges_.push_back({range.start, range.end, i});
    }
    std::sort(unit_ranges_.begin(), unit_ranges_.end(),
              [](const UnitRange &a, const UnitRange &b) { return a.start < b.start; });
}

/// Whether the unit claims the address only by code that the linker threw away, which seems to start at 0: where
/// real code does so too, as in firmware, .debug_aranges leads to either.
static bool is_thrown_away(Dwarf_Die *unit, uint64_t address)
{
    Dwarf_Addr base = 0, start = 0, end = 0;
    ptrdiff_t cursor = 0;
    bool found_at_zero = false;
    while ((cursor = dwarf_ranges(unit, cursor, &base, &start, &end)) > 0) {
        if (start <= address && address < end && start != 0)
            return false;
        found_at_zero = found_at_zero || (start == 0 && address < end);
    }
    return found_at_zero;
}

std::optional<CodeUnit> DwarfIndex::unit_at(uint64_t address)
{
    if (!dwarf_)
        return std::nullopt;
    CodeUnit found;
    if (dwarf_addrdie(dwarf_, address, &found.unit) && !is_thrown_away(&found.unit, address)) {
        uint8_t type = 0;
        Dwarf_Die split = {};
        found.tree = found.unit;
        if (dwarf_cu_info(found.unit.cu, nullptr, &type, nullptr, &split, nullptr, nullptr, nullptr) == 0 &&
            type == DW_UT_skeleton && split.addr)
            found.tree = split;
        // .debug_aranges keeps what the linker threw away, at 0, where a firmware may have real code
        if (covers(&found.unit, address) || covers(&found.tree, address))
            return found;
    }
    // clang writes no .debug_aranges, so the units' own ranges have to be read
    if (!units_read_)
        read_units();
    auto after = std::upper_bound(unit_ranges_.begin(), unit_ranges_.end(), address,
                                  [](uint64_t value, const UnitRange &range) { return value < range.start; });
    // ranges of one address overlap only in damaged files; a few steps back are enough for sane ones
    for (int steps = 0; after != unit_ranges_.begin() && steps < 8; steps++) {
        --after;
        if (address < after->end)
            return units_[after->unit];
    }
    return std::nullopt;
}

const std::vector<DwarfIndex::FunctionRange> &DwarfIndex::functions_of(const CodeUnit &unit)
{
    auto [place, is_new] = functions_.try_emplace(unit.tree.addr);
    if (!is_new)
        return place->second;
    Dwarf_Die tree = unit.tree;
    auto &functions = place->second;
    for_each_function(&tree, [&](Dwarf_Die *function) {
        for (auto range : code_ranges(function))
            functions.push_back({range.start, range.end, *function});
    });
    std::stable_sort(functions.begin(), functions.end(),
                     [](const FunctionRange &a, const FunctionRange &b) { return a.start < b.start; });
    return functions;
}

std::vector<Dwarf_Die> DwarfIndex::calls_at(const CodeUnit &unit, uint64_t address)
{
    const auto &functions = functions_of(unit);
    auto after =
        std::upper_bound(functions.begin(), functions.end(), address,
                         [](uint64_t value, const FunctionRange &range) { return value < range.start; });
    std::vector<Dwarf_Die> calls;
    for (int steps = 0; after != functions.begin() && steps < 8; steps++) {
        --after;
        if (address < after->end) {
            calls.push_back(after->function);
            descend(&calls[0], address, calls, 0);
            break;
        }
    }
    return calls;
}

SourceLine DwarfIndex::line_at(CodeUnit unit, uint64_t address)
{
    Dwarf_Lines *lines = nullptr;
    size_t count = 0;
    if (dwarf_getsrclines(&unit.unit, &lines, &count) != 0 || count == 0)
        return {};
    auto address_of = [&](size_t i) {
        Dwarf_Addr at = 0;
        dwarf_lineaddr(dwarf_onesrcline(lines, i), &at);
        return at;
    };
    size_t low = 0, high = count; // the last row at or before the address
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (address_of(middle) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    // Line 0 is code the compiler made up for a line before it; the row that ends a sequence covers nothing.
    for (size_t i = low; i-- > 0;) {
        Dwarf_Line *row = dwarf_onesrcline(lines, i);
        bool ends = false;
        int line = 0;
        if (dwarf_lineendsequence(row, &ends) != 0 || ends)
            return {};
        if (dwarf_lineno(row, &line) == 0 && line > 0)
            return {absolute_source_path(dwarf_linesrc(row, nullptr, nullptr), &unit.unit), line};
    }
    return {};
}

SourceLine DwarfIndex::call_site_of(CodeUnit unit, Dwarf_Die inlined_call)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number = 0;
    SourceLine site;
    if (dwarf_formudata(dwarf_attr(&inlined_call, DW_AT_call_line, &attribute), &number) == 0)
        site.line = int(number);
    site.file = file_of(dwarf_attr(&inlined_call, DW_AT_call_file, &attribute), unit);
    return site;
}

} // namespace unpaired
