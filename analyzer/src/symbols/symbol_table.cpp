#include "symbols/symbol_table_internal.h"

#include <algorithm>

namespace unpaired {

namespace {

/// How libdwfl ranks bindings.
uint8_t rank(const GElf_Sym &symbol)
{
    switch (GELF_ST_BIND(symbol.st_info)) {
    case STB_GLOBAL:
        return 3;
    case STB_WEAK:
        return 2;
    case STB_LOCAL:
        return 1;
    default:
        return 0;
    }
}

bool names_a_place(const char *name, const GElf_Sym &symbol)
{
    const int type = GELF_ST_TYPE(symbol.st_info);
    return name != nullptr && *name != '\0' && symbol.st_shndx != SHN_UNDEF && type != STT_SECTION &&
           type != STT_FILE && type != STT_TLS;
}

} // namespace

void SymbolTable::Part::sort()
{
    std::sort(sized.begin(), sized.end(), [](const Entry &a, const Entry &b) {
        return a.start != b.start ? a.start < b.start : a.number < b.number;
    });
    uint64_t highest = 0;
    for (Entry &entry : sized)
        entry.highest_end = highest = std::max(highest, entry.end);
    std::sort(labels.begin(), labels.end(), [](const Label &a, const Label &b) { return a.start < b.start; });
    highest = 0;
    for (Label &label : labels)
        label.section_end = highest = std::max(highest, label.section_end);
    std::sort(markers.begin(), markers.end());
}

/// Of the symbols that hold the address the one that libdwfl takes: of the highest rank, then the one that begins last,
/// then the shortest, then the first of the table.
const SymbolTable::Entry *SymbolTable::Part::find(uint64_t address) const
{
    auto at = std::upper_bound(sized.begin(), sized.end(), address,
                               [](uint64_t a, const Entry &entry) { return a < entry.start; });
    const Entry *best = nullptr;
    while (at != sized.begin() && (--at)->highest_end > address) {
        if (at->end <= address)
            continue;
        const auto worth = [](const Entry &entry) { return entry.binding; };
        if (best == nullptr || worth(*at) > worth(*best) ||
            (worth(*at) == worth(*best) && at->start == best->start && at->end <= best->end))
            best = &*at;
    }
    return best;
}

void SymbolTable::read(Dwfl_Module *module)
{
    read_ = true;
    const int count = dwfl_module_getsymtab(module),
              first_global = dwfl_module_getsymtab_first_global(module);
    GElf_Addr bias = 0;
    GElf_Ehdr header;
    Elf *elf = dwfl_module_getelf(module, &bias);
    // function descriptors and relocatable files are left to libdwfl
    usable_ = count > 0 && first_global >= 0 && elf != nullptr && gelf_getehdr(elf, &header) != nullptr &&
              header.e_type != ET_REL && header.e_machine != EM_PPC64;
    if (!usable_)
        return;
    for (int i = 1; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr value = 0;
        GElf_Word section = 0;
        Elf *table = nullptr;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &value, &section, &table, nullptr);
        if (!names_a_place(name, symbol))
            continue;
        Part &part = i < first_global ? local_ : global_;
        if (symbol.st_size != 0)
            part.sized.push_back({value, value + symbol.st_size, 0, static_cast<uint32_t>(i), rank(symbol)});
        else if (GElf_Shdr header_of_section;
                 section < SHN_LORESERVE && table != nullptr &&
                 gelf_getshdr(elf_getscn(table, section), &header_of_section) != nullptr)
            part.labels.push_back(
                {value, value + (header_of_section.sh_addr + header_of_section.sh_size - symbol.st_value)});
        else
            part.markers.push_back(value);
    }
    global_.sort();
    local_.sort();
}

/// Whether libdwfl might take a symbol without a size.
bool SymbolTable::Part::may_have_label(uint64_t address) const
{
    auto after = std::upper_bound(labels.begin(), labels.end(), address,
                                  [](uint64_t a, const Label &label) { return a < label.start; });
    // <=: the end of a section counts as its own, for the label at the end of all
    return (after != labels.begin() && address <= (--after)->section_end) ||
           std::binary_search(markers.begin(), markers.end(), address);
}

std::optional<SymbolTable::Symbol> SymbolTable::at(Dwfl_Module *module, uint64_t address)
{
    if (!read_)
        read(module);
    const Entry *found = nullptr;
    bool settled = false; // else it takes libdwfl itself: seldom
    if (usable_) {
        found = global_.find(address);
        settled = found != nullptr || !global_.may_have_label(address);
        if (found == nullptr && settled) {
            found = local_.find(address);
            settled = found != nullptr || !local_.may_have_label(address);
        }
    }
    Symbol result{};
    if (found != nullptr) {
        GElf_Addr value = 0;
        GElf_Word section = 0;
        result.name = dwfl_module_getsym_info(module, int(found->number), &result.symbol, &value, &section,
                                              nullptr, nullptr);
        result.offset = address - found->start;
    } else if (!settled) {
        GElf_Off offset = 0;
        result.name =
            dwfl_module_addrinfo(module, address, &offset, &result.symbol, nullptr, nullptr, nullptr);
        result.offset = offset;
    }
    return result.name != nullptr ? std::optional(result) : std::nullopt;
}

} // namespace unpaired
