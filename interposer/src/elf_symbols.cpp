#include "elf_symbols.h"

#include <cstring>

namespace unpaired {
namespace {

uint32_t gnu_hash_of(const char *name)
{
    uint32_t hash = 5381;
    for (; *name != '\0'; name++)
        hash = hash * 33 + static_cast<uint8_t>(*name);
    return hash;
}

} // namespace

bool ElfSymbols::read(uint64_t bias, const ElfW(Dyn) * dynamic)
{
    *this = {};
    bias_ = bias;
    if (dynamic == nullptr)
        return false;
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        // The loader adds the bias to these entries, except in objects whose dynamic section is not writable.
        const uint64_t value = dynamic->d_un.d_ptr, address = value < bias ? value + bias : value;
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            symbols_ = reinterpret_cast<const ElfW(Sym) *>(address);
            break;
        case DT_STRTAB:
            strings_ = reinterpret_cast<const char *>(address);
            break;
        case DT_VERSYM:
            versions_ = reinterpret_cast<const uint16_t *>(address);
            break;
        case DT_GNU_HASH:
            gnu_hash_ = reinterpret_cast<const uint32_t *>(address);
            break;
        case DT_HASH:
            hash_ = reinterpret_cast<const uint32_t *>(address);
            break;
        case DT_SONAME:
            soname_ = value;
            break;
        default:
            break;
        }
    }
    return symbols_ != nullptr && strings_ != nullptr && (gnu_hash_ != nullptr || hash_ != nullptr);
}

const char *ElfSymbols::name() const { return strings_ != nullptr && soname_ != 0 ? strings_ + soname_ : ""; }

bool ElfSymbols::is_default(uint32_t index) const
{
    constexpr uint16_t hidden = 0x8000; // an older version: the linker does not bind new programs to it
    return versions_ == nullptr || (versions_[index] & hidden) == 0;
}

bool ElfSymbols::has_name(uint32_t index, const char *name) const
{
    const ElfW(Sym) &symbol = symbols_[index];
    return symbol.st_shndx != SHN_UNDEF && is_default(index) && strcmp(strings_ + symbol.st_name, name) == 0;
}

const ElfW(Sym) * ElfSymbols::symbol_named(const char *name) const
{
    if (gnu_hash_ != nullptr) {
        // "DT_GNU_HASH": number of buckets, first symbol, words of the Bloom filter, its shift; the filter; the
        // buckets; for each symbol its hash, whose lowest bit ends a bucket.
        const uint32_t buckets = gnu_hash_[0], first = gnu_hash_[1], filter_words = gnu_hash_[2];
        if (buckets == 0)
            return nullptr;
        const uint32_t *bucket = gnu_hash_ + 4 + filter_words * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
        const uint32_t *chain = bucket + buckets;
        const uint32_t hash = gnu_hash_of(name);
        uint32_t index = bucket[hash % buckets];
        if (index < first)
            return nullptr;
        for (;; index++) {
            const uint32_t there = chain[index - first];
            if ((there | 1) == (hash | 1) && has_name(index, name))
                return &symbols_[index];
            if ((there & 1) != 0)
                return nullptr;
        }
    }
    for (uint32_t index = 1; hash_ != nullptr && index < hash_[1]; index++)
        if (has_name(index, name))
            return &symbols_[index];
    return nullptr;
}

void *ElfSymbols::find(const char *name) const
{
    const ElfW(Sym) *symbol = symbols_ != nullptr ? symbol_named(name) : nullptr;
    if (symbol == nullptr)
        return nullptr;
    const unsigned type = symbol->st_info & 0xf;
    if (type != STT_FUNC && type != STT_OBJECT &&
        type != STT_NOTYPE) // an indirect function or a thread-local variable
        return nullptr;
    return reinterpret_cast<void *>(bias_ + symbol->st_value);
}

} // namespace unpaired
