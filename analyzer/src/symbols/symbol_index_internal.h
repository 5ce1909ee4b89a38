// A module's symbol table by address.
#pragma once

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace unpaired {

/// Every symbol that names a place in a module, sorted once: dwfl_module_addrinfo(3) goes through the whole table for
/// each address, and a compiler has a hundred thousand symbols. Valid while the module is open. Not thread-safe.
class SymbolIndex {
public:
    explicit SymbolIndex(Dwfl_Module *module);

    struct Symbol {
        const char *name;
        uint64_t offset; ///< of the address from the symbol's value
        uint64_t size;
        uint8_t type; ///< STT_…
    };
    /// The innermost symbol that covers the address (of the module as libdwfl has laid it out), of several at one place
    /// the most global; else the label without a size that it follows in the same section.
    std::optional<Symbol> at(uint64_t address) const;

private:
    struct Entry {
        uint64_t value, size;
        uint64_t covered_until; ///< highest end of this entry and all before it
        const char *name;
        uint64_t section_end;
        uint8_t type, binding;
    };
    std::vector<Entry> entries_;
};

} // namespace unpaired
