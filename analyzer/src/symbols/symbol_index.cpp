#include "symbols/symbol_index_internal.h"

#include <algorithm>
#include <gelf.h>
#include <map>
#include <tuple>
#include <utility>

namespace unpaired {

namespace {

/// Where a section ends, as addresses of its own file.
class SectionEnds {
public:
    uint64_t of(Elf *elf, GElf_Word section)
    {
        auto [found, is_new] = ends_.try_emplace({elf, section}, 0);
        if (is_new) {
            GElf_Shdr header;
            Elf_Scn *scn = elf_getscn(elf, section);
            if (scn && gelf_getshdr(scn, &header))
                found->second = header.sh_addr + header.sh_size;
        }
        return found->second;
    }

private:
    std::map<std::pair<Elf *, GElf_Word>, uint64_t> ends_;
};

int preference(uint8_t binding) { return binding == STB_GLOBAL ? 2 : binding == STB_WEAK ? 1 : 0; }

} // namespace

SymbolIndex::SymbolIndex(Dwfl_Module *module)
{
    SectionEnds sections;
    const int count = dwfl_module_getsymtab(module);
    for (int i = 0; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr value = 0;
        GElf_Word section = SHN_UNDEF;
        Elf *elf = nullptr;
        Dwarf_Addr bias = 0;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &value, &section, &elf, &bias);
        const uint8_t type = GELF_ST_TYPE(symbol.st_info);
        // marks of ARM and RISC-V object files ($a, $t, $d, $x) name nothing
        if (!name || !*name || *name == '$' || section == SHN_UNDEF || type == STT_SECTION ||
            type == STT_FILE || type == STT_TLS)
            continue;
        const uint64_t end = elf && section < SHN_LORESERVE ? sections.of(elf, section) + bias : 0;
        entries_.push_back(
            {value, symbol.st_size, 0, name, end, type, static_cast<uint8_t>(GELF_ST_BIND(symbol.st_info))});
    }
    // Of those at one place the one to prefer stands last: as libdwfl has it, that which ends first, is the most global, or
    // comes first in the table.
    std::ranges::reverse(entries_);
    std::ranges::stable_sort(entries_, [](const Entry &a, const Entry &b) {
        return std::tuple(a.value, b.size, preference(a.binding)) <
               std::tuple(b.value, a.size, preference(b.binding));
    });
    uint64_t until = 0;
    for (Entry &entry : entries_)
        entry.covered_until = until = std::max(until, entry.value + entry.size);
}

std::optional<SymbolIndex::Symbol> SymbolIndex::at(uint64_t address) const
{
    const Entry *label = nullptr;
    bool behind_sized = false;
    for (auto entry = std::ranges::upper_bound(entries_, address, {}, &Entry::value);
         entry != entries_.begin();) {
        entry--;
        if (address - entry->value < entry->size)
            return Symbol{entry->name, address - entry->value, entry->size, entry->type};
        behind_sized = behind_sized || entry->size != 0;
        if (!behind_sized && !label && entry->covered_until <= entry->value && address < entry->section_end)
            label = &*entry;
        if (entry->covered_until <= address)
            break;
    }
    if (!label)
        return std::nullopt;
    return Symbol{label->name, address - label->value, 0, label->type};
}

} // namespace unpaired
