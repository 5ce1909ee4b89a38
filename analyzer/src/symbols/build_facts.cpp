#include "symbols/build_facts.h"

#include "symbols/debug_file_internal.h"
#include "symbols/dwarf_walk_internal.h"

#include <algorithm>
#include <dwarf.h>
#include <optional>
#include <string_view>

namespace unpaired {
namespace {

std::string text_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    const char *text = dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
    return text ? text : "";
}

/// GCC calls the compiler that works at link time "GNU GIMPLE" and gives it -fltrans or -fwpa.
bool is_made_at_link_time(Dwarf_Die *unit)
{
    const std::string producer = text_of(unit, DW_AT_producer);
    return producer.find("GNU GIMPLE") != std::string::npos ||
           producer.find("-fltrans") != std::string::npos || producer.find("-flto") != std::string::npos;
}

std::string name_of(Dwarf_Die *function)
{
    const char *name = linkage_name_of(function);
    if (!name)
        name = source_name_of(function);
    return name ? name : "";
}

} // namespace

struct BuildFacts::Impl {
    std::unique_ptr<DebugFile> file;
    std::unique_ptr<DwarfIndex> index;
    uint64_t bias = 0;
};

BuildFacts::BuildFacts(const std::string &path) : impl_(std::make_unique<Impl>())
{
    std::string problem; // without debug information there is less to tell, which is no fault
    impl_->file = DebugFile::open(path, "", SymbolOptions{}, problem);
    if (impl_->file && impl_->file->dwarf()) {
        impl_->index = std::make_unique<DwarfIndex>(impl_->file->dwarf());
        impl_->bias = impl_->file->dwarf_bias();
    }
}

BuildFacts::~BuildFacts() = default;

bool BuildFacts::has_debug_information() const
{
    return impl_->index && !code_units(impl_->file->dwarf()).empty();
}

SourcePlace BuildFacts::line_at(uint64_t address) const
{
    if (!impl_->index)
        return {};
    const auto unit = impl_->index->unit_at(address - impl_->bias);
    if (!unit)
        return {};
    const SourceLine line = impl_->index->line_at(*unit, address - impl_->bias);
    return {line.file, line.line};
}

BuildUnit BuildFacts::unit_at(uint64_t address) const
{
    if (!impl_->index)
        return {};
    auto unit = impl_->index->unit_at(address - impl_->bias);
    if (!unit)
        return {};
    BuildUnit found;
    found.known = true;
    found.source = absolute_source_path(dwarf_diename(&unit->unit), &unit->unit);
    found.lto = is_made_at_link_time(&unit->unit);
    return found;
}

std::vector<InlinedCopy> BuildFacts::inlined_copies(const std::set<std::string> &functions) const
{
    std::vector<InlinedCopy> copies;
    if (!impl_->index)
        return copies;
    for (CodeUnit unit : code_units(impl_->file->dwarf())) {
        const bool lto = is_made_at_link_time(&unit.unit);
        for_each_function(&unit.tree, [&](Dwarf_Die *function) {
            for_each_inlined_call(function, [&](Dwarf_Die *call, int) {
                const std::string name = name_of(call);
                Dwarf_Attribute external;
                // a static function that happens to be called the same is somebody else's
                if (!functions.contains(name) || !dwarf_attr_integrate(call, DW_AT_external, &external))
                    return;
                InlinedCopy copy;
                copy.function = name;
                copy.caller = name_of(function);
                const std::vector<CodeRange> ranges = code_ranges(call);
                if (ranges.empty())
                    return; // nothing of it is left
                copy.address = ranges.front().start + impl_->bias;
                const SourceLine line = impl_->index->call_site_of(unit, *call);
                copy.call = {line.file, line.line};
                copy.lto = lto;
                copies.push_back(std::move(copy));
            });
        });
    }
    std::sort(copies.begin(), copies.end(),
              [](const InlinedCopy &a, const InlinedCopy &b) { return a.address < b.address; });
    return copies;
}

} // namespace unpaired
