// Where the linker took the parts of a program from: GNU ld's map (-Wl,-Map=FILE), and object files themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace unpaired {

/// A section of an object file, at its place in the program.
struct InputSection {
    uint64_t address = 0, size = 0;
    std::string name;   ///< ".text.lwip_close"
    std::string file;   ///< object file or archive, as the linker was given it
    std::string member; ///< of an archive; "" for an object file
};

/// The input sections that a map lists, by address; empty ones left out. Throws InputError if the file cannot be
/// read or is no map of GNU ld or lld.
std::vector<InputSection> read_link_map(const std::string &path);

/// The section that covers the address; null if none does.
const InputSection *section_at(const std::vector<InputSection> &sections, uint64_t address);

/// Where an object file defines a function.
struct ObjectSymbol {
    std::string section;
    uint64_t offset = 0; ///< with the Thumb bit, as objcopy wants it
};

/// Looks the function up in an object file, or in a member of an archive. Nothing if the file cannot be read or does
/// not define it.
std::optional<ObjectSymbol> find_in_object(const std::string &file, const std::string &member,
                                           const std::string &function);

} // namespace unpaired
