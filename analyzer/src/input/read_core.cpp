#include "input/read_core.h"

#include "input/input_error.h"

#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fmt/format.h>

namespace unpaired {

bool is_core(const std::string &path)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        throw InputError(fmt::format("{}: is a directory; name the core or memory image in it", path));
    const auto bytes = open_bytes(path);
    Elf32_Ehdr header{}; // e_type stands at one place in both classes
    if (bytes->copy(0, &header, sizeof header) < sizeof header ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return false;
    if (header.e_type == ET_CORE)
        return true;
    throw InputError(fmt::format("{}: is a program, not memory; it goes behind --elf", path));
}

Remains read_core(const std::string &path, const CoreHints &)
{
    throw InputError(fmt::format("{}: cores are not read yet", path));
}

} // namespace unpaired
