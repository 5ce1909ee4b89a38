// Finds symbols of one loaded object in its own dynamic symbol table, so that no symbol of the program can replace
// them.
#pragma once

#include <cstdint>
#include <elf.h>
#include <link.h>

namespace unpaired {

/// The dynamic symbol table of an object. Empty until `read`.
class ElfSymbols {
public:
    /// Reads the positions of the tables. `bias` is the load address minus the address in the file. Returns false if
    /// the object has no hash table.
    bool read(uint64_t bias, const ElfW(Dyn) * dynamic);
    /// Returns the address of the default version of a function or variable, or nullptr.
    void *find(const char *name) const;
    /// Returns the object's DT_SONAME, or "".
    const char *name() const;

private:
    const ElfW(Sym) * symbol_named(const char *name) const;
    bool is_default(uint32_t index) const;
    bool has_name(uint32_t index, const char *name) const;

    uint64_t bias_ = 0, soname_ = 0;
    const ElfW(Sym) *symbols_ = nullptr;
    const char *strings_ = nullptr;
    const uint16_t *versions_ = nullptr;
    const uint32_t *gnu_hash_ = nullptr;
    const uint32_t *hash_ = nullptr;
};

} // namespace unpaired
