// The symbol table of a module, sorted once: what dwfl_module_addrinfo() answers, which looks through the whole table for
// each address.
#pragma once

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace unpaired {

class SymbolTable {
public:
    struct Symbol {
        const char *name; ///< as long as the module lives
        GElf_Sym symbol;
        uint64_t offset; ///< of the address, from the symbol's value
    };
    /// The symbol at an address of the module; the table is read at the first call.
    std::optional<Symbol> at(Dwfl_Module *module, uint64_t address);

private:
    struct Entry {
        uint64_t start, end;
        uint64_t highest_end; ///< of this and all that begin before
        uint32_t number;      ///< in the module's table
        uint8_t binding;
    };
    /// A symbol without a size, as assembly makes them: it may name what follows in its section.
    struct Label {
        uint64_t start, section_end;
    };
    struct Part { // global symbols are asked first, all others then
        std::vector<Entry> sized;
        std::vector<Label> labels;     ///< after sort() section_end is the highest of this and all before
        std::vector<uint64_t> markers; ///< values of symbols in no section: they name what is exactly there
        void sort();
        const Entry *find(uint64_t address) const;
        bool may_have_label(uint64_t address) const;
    };
    void read(Dwfl_Module *module);

    bool read_ = false, usable_ = false;
    Part global_, local_;
};

} // namespace unpaired
