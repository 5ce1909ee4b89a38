#include "input/link_map.h"

#include "input/input_error.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <gelf.h>
#include <memory>
#include <string_view>
#include <unistd.h>

namespace unpaired {
namespace {

std::vector<std::string_view> words_of(std::string_view line, size_t at_most)
{
    std::vector<std::string_view> words;
    while (words.size() < at_most) {
        const size_t from = line.find_first_not_of(" \t");
        if (from == std::string_view::npos)
            break;
        line.remove_prefix(from);
        // the last one is a path, which may have blanks
        const size_t to =
            words.size() + 1 == at_most ? line.size() : std::min(line.find_first_of(" \t"), line.size());
        words.push_back(line.substr(0, to));
        line.remove_prefix(to);
    }
    return words;
}

std::optional<uint64_t> hexadecimal(std::string_view text)
{
    if (!text.starts_with("0x"))
        return std::nullopt;
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

/// "libnet.a(close.o)" is a member of an archive.
void name_file(std::string_view text, InputSection &section)
{
    const size_t open = text.rfind('(');
    if (text.ends_with(')') && open != std::string_view::npos && open > 0) {
        section.file = text.substr(0, open);
        section.member = text.substr(open + 1, text.size() - open - 2);
    } else {
        section.file = text;
    }
}

} // namespace

std::vector<InputSection> read_link_map(const std::string &path)
{
    std::ifstream file(path);
    if (!file)
        throw InputError(fmt::format("{}: cannot open it: {}", path, std::strerror(errno)));
    std::vector<InputSection> sections;
    std::string line, section_name;
    bool in_memory_map = false, is_a_map = false;
    while (std::getline(file, line)) {
        if (line.starts_with("Linker script and memory map"))
            in_memory_map = is_a_map = true;
        if (!in_memory_map || line.empty() || line[0] != ' ') {
            section_name.clear();
            continue;
        }
        // " .text.close   0x100   0x24 file.o", or a long name alone and the rest on the next line
        std::string_view rest = line;
        if (line[1] != ' ') {
            rest.remove_prefix(1);
            section_name = rest.substr(0, rest.find_first_of(" \t"));
            rest.remove_prefix(section_name.size());
        }
        const auto words = words_of(rest, 3);
        if (words.size() == 3 && !section_name.empty()) {
            const auto address = hexadecimal(words[0]), size = hexadecimal(words[1]);
            if (address && size && *size != 0) {
                InputSection &section = sections.emplace_back();
                section.address = *address;
                section.size = *size;
                section.name = section_name;
                name_file(words[2], section);
            }
        }
        if (!words.empty())
            section_name.clear();
    }
    if (!is_a_map)
        throw InputError(fmt::format("{}: is no map of GNU ld (link with -Wl,-Map=FILE)", path));
    std::stable_sort(sections.begin(), sections.end(),
                     [](const InputSection &a, const InputSection &b) { return a.address < b.address; });
    return sections;
}

const InputSection *section_at(const std::vector<InputSection> &sections, uint64_t address)
{
    auto above = std::upper_bound(sections.begin(), sections.end(), address,
                                  [](uint64_t at, const InputSection &s) { return at < s.address; });
    // what has no address on the device (debug sections) begins at 0 and may seem to cover it: the nearest counts
    while (above != sections.begin()) {
        --above;
        if (address - above->address < above->size && !above->name.starts_with(".debug"))
            return &*above;
        if (address - above->address > (uint64_t{1} << 24))
            break;
    }
    return nullptr;
}

namespace {

struct ElfEnd {
    void operator()(Elf *elf) const { elf_end(elf); }
};

std::optional<ObjectSymbol> find_symbol(Elf *elf, const std::string &function)
{
    for (Elf_Scn *scn = nullptr; (scn = elf_nextscn(elf, scn)) != nullptr;) {
        GElf_Shdr header;
        if (!gelf_getshdr(scn, &header) || header.sh_type != SHT_SYMTAB || header.sh_entsize == 0)
            continue;
        Elf_Data *data = elf_getdata(scn, nullptr);
        for (uint64_t i = 1; data && i < header.sh_size / header.sh_entsize; i++) {
            GElf_Sym symbol;
            if (!gelf_getsym(data, static_cast<int>(i), &symbol) || symbol.st_shndx == SHN_UNDEF ||
                symbol.st_shndx >= SHN_LORESERVE)
                continue;
            const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
            if (!name || function != name || GELF_ST_BIND(symbol.st_info) == STB_LOCAL)
                continue;
            GElf_Shdr in;
            size_t names = 0;
            if (!gelf_getshdr(elf_getscn(elf, symbol.st_shndx), &in) || elf_getshdrstrndx(elf, &names) != 0)
                return std::nullopt;
            const char *section = elf_strptr(elf, names, in.sh_name);
            return ObjectSymbol{section ? section : "", symbol.st_value};
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<ObjectSymbol> find_in_object(const std::string &file, const std::string &member,
                                           const std::string &function)
{
    elf_version(EV_CURRENT);
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return std::nullopt;
    std::optional<ObjectSymbol> found;
    const std::unique_ptr<Elf, ElfEnd> whole(elf_begin(fd, ELF_C_READ, nullptr));
    if (whole && elf_kind(whole.get()) == ELF_K_AR) {
        for (Elf_Cmd command = ELF_C_READ; !found && command != ELF_C_NULL;) {
            const std::unique_ptr<Elf, ElfEnd> one(elf_begin(fd, command, whole.get()));
            if (!one)
                break;
            const Elf_Arhdr *header = elf_getarhdr(one.get());
            if (header && header->ar_name && member == header->ar_name)
                found = find_symbol(one.get(), function);
            command = elf_next(one.get());
        }
    } else if (whole && elf_kind(whole.get()) == ELF_K_ELF) {
        found = find_symbol(whole.get(), function);
    }
    close(fd);
    return found;
}

} // namespace unpaired
