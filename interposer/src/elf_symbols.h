// Symbols of one loaded object, read from its own dynamic symbol table: no symbol of the program can come before them.
#pragma once

#include <cstdint>
#include <elf.h>
#include <link.h>

namespace unpaired {

/// The dynamic symbol table of an object. Empty until `read`.
class ElfSymbols {
public:
    /// Reads where the tables are. `bias`: what is added to the object's addresses. False: it has no hash table.
    bool read(uint64_t bias, const ElfW(Dyn) * dynamic);
    /// Returns the address of a function or variable under its default version; or nullptr.
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
