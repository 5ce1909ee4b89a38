#include "input/firmware_elf.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gelf.h>
#include <tuple>

namespace unpaired {
namespace {

constexpr const char *dictionary_section = ".unpaired_dictionary";

std::vector<uint8_t> read_whole(const std::string &path)
{
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (std::filesystem::is_directory(status))
        throw InputError(fmt::format("{}: is a directory, not the ELF file of a firmware", path));
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        throw InputError(fmt::format("{}: is not a regular file", path));
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw InputError(fmt::format("{}: cannot open it: {}", path, std::strerror(errno)));
    // What is no ELF file is not read further: a trace mapped by a process that died is a gigabyte long.
    std::vector<uint8_t> bytes(SELFMAG);
    file.read(reinterpret_cast<char *>(bytes.data()), SELFMAG);
    bytes.resize(static_cast<size_t>(file.gcount()));
    if (bytes.size() < SELFMAG || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0)
        return bytes;
    const uint64_t size = std::filesystem::file_size(path, error);
    bytes.resize(error ? SELFMAG : std::max<uint64_t>(size, SELFMAG));
    file.read(reinterpret_cast<char *>(bytes.data()) + SELFMAG,
              static_cast<std::streamsize>(bytes.size() - SELFMAG));
    bytes.resize(SELFMAG + static_cast<size_t>(file.gcount()));
    return bytes;
}

struct ElfEnd {
    void operator()(Elf *elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

class FirmwareReader {
public:
    FirmwareReader(std::vector<uint8_t> bytes, const std::string &name, FirmwareNeeds needs) : needs_(needs)
    {
        elf_.path = name;
        elf_.file = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
    }

    FirmwareElf read()
    {
        open();
        read_header();
        read_sections();
        read_segments();
        sort();
        if (needs_.symbols && !has_symbols_)
            fail("has no symbol table: it was stripped; give the file as the linker wrote it");
        if (dictionary_)
            read_dictionary_lines(*dictionary_, elf_);
        else if (needs_.dictionary)
            fail(
                fmt::format("has no section {}: was it linked with unpaired's wraplib?", dictionary_section));
        return std::move(elf_);
    }

private:
    [[noreturn]] void fail(const std::string &what) const
    {
        throw InputError(fmt::format("{}: {}", elf_.path, what));
    }

    void open()
    {
        const std::vector<uint8_t> &file = *elf_.file;
        if (file.empty())
            fail("is empty");
        if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0)
            fail("is not an ELF file; give the linker's output, not a .bin or .hex made of it");
        elf_version(EV_CURRENT);
        // libelf takes bytes that it may change, and changes none when it only reads
        handle_.reset(
            elf_memory(const_cast<char *>(reinterpret_cast<const char *>(file.data())), file.size()));
        GElf_Ehdr header;
        if (!handle_ || elf_kind(handle_.get()) != ELF_K_ELF || !gelf_getehdr(handle_.get(), &header))
            fail("is a damaged ELF file; was it copied completely?");
    }

    void read_header()
    {
        GElf_Ehdr header;
        gelf_getehdr(handle_.get(), &header);
        if (header.e_ident[EI_DATA] != ELFDATA2LSB)
            fail("is big-endian; unpaired reads little-endian machines only");
        if (header.e_shoff >= elf_.file->size() && header.e_shoff != 0)
            fail("is cut off: its section table would stand behind its end; was it copied completely?");
        if (header.e_type == ET_REL)
            fail("is an object file; give the linked firmware");
        if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
            fail("is no program (a core dump?); give the linked firmware");
        static constexpr uint16_t known[] = {EM_ARM, EM_AARCH64, EM_RISCV, EM_386, EM_X86_64};
        if (std::find(std::begin(known), std::end(known), header.e_machine) == std::end(known))
            fail(
                fmt::format("is for machine {}, which this version does not know (ARM, AArch64, RISC-V, x86)",
                            header.e_machine));
        elf_.machine = header.e_machine;
        elf_.address_size = header.e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
        elf_.relocatable = header.e_type == ET_DYN;
        elf_.entry = without_thumb(header.e_entry);
    }

    uint64_t without_thumb(uint64_t address) const
    {
        return elf_.machine == EM_ARM ? address & ~uint64_t{1} : address;
    }

    /// Counts bytes that become data of their own. Throws when it is more than a file of this size can hold, unless
    /// its sections or names overlap: such a file would take any amount of memory.
    void count(uint64_t &so_far, uint64_t bytes, uint64_t most) const
    {
        so_far += bytes;
        if (so_far < bytes || so_far > most)
            fail("is a damaged ELF file: its sections overlap; was it copied completely?");
    }
    void count_section(uint64_t bytes) { count(section_bytes_, bytes, elf_.file->size()); }
    /// Symbols may share a name, or its end.
    std::string counted_name(const char *name)
    {
        constexpr uint64_t shared = 4, of_a_small_file = 1 << 16;
        const size_t length = name ? std::strlen(name) : 0;
        count(name_bytes_, length, elf_.file->size() * shared + of_a_small_file);
        return {name ? name : "", length};
    }

    /// A part of the file, cut where the file ends.
    std::span<const uint8_t> part(uint64_t offset, uint64_t size) const
    {
        std::span<const uint8_t> file(*elf_.file);
        if (offset >= file.size())
            return {};
        return file.subspan(offset, std::min<uint64_t>(size, file.size() - offset));
    }

    void read_sections()
    {
        size_t names = 0;
        if (elf_getshdrstrndx(handle_.get(), &names) != 0)
            fail("is a damaged ELF file: its section names cannot be read; was it copied completely?");
        for (Elf_Scn *scn = nullptr; (scn = elf_nextscn(handle_.get(), scn)) != nullptr;) {
            GElf_Shdr header;
            if (!gelf_getshdr(scn, &header))
                continue;
            const char *name = elf_strptr(handle_.get(), names, header.sh_name);
            const std::string section = counted_name(name);
            if (header.sh_type != SHT_NOBITS &&
                part(header.sh_offset, header.sh_size).size() < header.sh_size)
                fail(fmt::format("is cut off: its section {} ends behind the file; was it copied completely?",
                                 section));
            if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_NOTE)
                count_section(header.sh_size);
            if (header.sh_type == SHT_SYMTAB)
                read_symbols(scn, header);
            if (header.sh_type == SHT_NOTE)
                read_notes(scn, header);
            if (section == dictionary_section)
                dictionary_ = text(part(header.sh_offset, header.sh_size));
            if ((header.sh_flags & SHF_ALLOC) != 0)
                add_section(section, header);
        }
    }

    static std::string text(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

    void add_section(const std::string &name, const GElf_Shdr &header)
    {
        FirmwareSection &section = elf_.sections.emplace_back();
        section.name = name;
        section.address = header.sh_addr;
        section.size = header.sh_size;
        section.code = (header.sh_flags & SHF_EXECINSTR) != 0;
        section.writable = (header.sh_flags & SHF_WRITE) != 0;
        if (header.sh_type != SHT_NOBITS)
            section.bytes = part(header.sh_offset, header.sh_size);
    }

    void read_segments()
    {
        size_t count = 0;
        if (elf_getphdrnum(handle_.get(), &count) != 0)
            return;
        for (size_t i = 0; i < count; i++) {
            GElf_Phdr header;
            if (!gelf_getphdr(handle_.get(), static_cast<int>(i), &header) || header.p_type != PT_LOAD)
                continue;
            FirmwareSegment &segment = elf_.segments.emplace_back();
            segment.address = header.p_vaddr;
            segment.load_address = header.p_paddr;
            segment.memory_size = header.p_memsz;
            segment.code = (header.p_flags & PF_X) != 0;
            segment.writable = (header.p_flags & PF_W) != 0;
            segment.bytes = part(header.p_offset, header.p_filesz);
        }
    }

    void read_symbols(Elf_Scn *scn, const GElf_Shdr &header)
    {
        Elf_Data *data = elf_getdata(scn, nullptr);
        if (data == nullptr || header.sh_entsize == 0)
            return;
        has_symbols_ = true;
        for (uint64_t i = 1; i < header.sh_size / header.sh_entsize; i++) {
            GElf_Sym entry;
            if (!gelf_getsym(data, static_cast<int>(i), &entry) || entry.st_shndx == SHN_UNDEF)
                continue;
            const char *name = elf_strptr(handle_.get(), header.sh_link, entry.st_name);
            // "$t" and the like of ARM and RISC-V say what kind of bytes follow, and name nothing
            if (name == nullptr || *name == '\0' || *name == '$')
                continue;
            FirmwareSymbol symbol;
            symbol.name = counted_name(name);
            symbol.address = entry.st_value;
            symbol.size = entry.st_size;
            symbol.weak = GELF_ST_BIND(entry.st_info) == STB_WEAK;
            symbol.global = symbol.weak || GELF_ST_BIND(entry.st_info) == STB_GLOBAL;
            switch (GELF_ST_TYPE(entry.st_info)) {
            case STT_FUNC:
            case STT_GNU_IFUNC:
                symbol.thumb = elf_.machine == EM_ARM && (entry.st_value & 1) != 0;
                symbol.address = without_thumb(entry.st_value);
                elf_.functions.push_back(std::move(symbol));
                break;
            case STT_OBJECT:
            case STT_COMMON:
                elf_.objects.push_back(std::move(symbol));
                break;
            case STT_NOTYPE:
                elf_.labels.push_back(std::move(symbol));
                break;
            default:
                break;
            }
        }
    }

    void read_notes(Elf_Scn *scn, const GElf_Shdr &header)
    {
        Elf_Data *data = elf_getdata(scn, nullptr);
        if (data == nullptr)
            return;
        GElf_Nhdr note;
        size_t name = 0, description = 0;
        for (size_t at = 0, next; (next = gelf_getnote(data, at, &note, &name, &description)) > 0;
             at = next) {
            const auto *bytes = static_cast<const uint8_t *>(data->d_buf);
            if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof "GNU" ||
                std::memcmp(bytes + name, "GNU", sizeof "GNU") != 0)
                continue;
            elf_.build_id.clear();
            for (size_t i = 0; i < note.n_descsz; i++)
                elf_.build_id += fmt::format("{:02x}", bytes[description + i]);
            elf_.build_id_address = (header.sh_flags & SHF_ALLOC) != 0 ? header.sh_addr + at : 0;
        }
    }

    void sort()
    {
        std::stable_sort(elf_.sections.begin(), elf_.sections.end(),
                         [](const auto &a, const auto &b) { return a.address < b.address; });
        for (auto *symbols : {&elf_.functions, &elf_.objects, &elf_.labels})
            std::stable_sort(symbols->begin(), symbols->end(),
                             [](const FirmwareSymbol &a, const FirmwareSymbol &b) {
                                 return std::tuple(a.address, !a.global, a.weak, a.size == 0, a.name) <
                                        std::tuple(b.address, !b.global, b.weak, b.size == 0, b.name);
                             });
    }

    const FirmwareNeeds needs_;
    FirmwareElf elf_;
    ElfHandle handle_;
    bool has_symbols_ = false;
    uint64_t section_bytes_ = 0, name_bytes_ = 0;
    std::optional<std::string> dictionary_;
};

const FirmwareSymbol *covering(const std::vector<FirmwareSymbol> &symbols, uint64_t address)
{
    auto above = std::upper_bound(symbols.begin(), symbols.end(), address,
                                  [](uint64_t at, const FirmwareSymbol &s) { return at < s.address; });
    const uint64_t next = above == symbols.end() ? UINT64_MAX : above->address;
    for (auto at = above; at != symbols.begin();) {
        const uint64_t begin = (--at)->address;
        while (at != symbols.begin() && std::prev(at)->address == begin)
            --at;
        for (auto alias = at; alias != symbols.end() && alias->address == begin; ++alias)
            if (address - begin < alias->size || (alias->size == 0 && address < next))
                return &*alias;
        // a symbol further down may enclose smaller ones, but not from far away
        if (std::distance(at, above) > 16)
            break;
    }
    return nullptr;
}

} // namespace

std::span<const uint8_t> FirmwareElf::bytes_at(uint64_t address) const
{
    for (const FirmwareSection &section : sections)
        if (address >= section.address && address - section.address < section.bytes.size())
            return section.bytes.subspan(address - section.address);
    return {};
}

bool FirmwareElf::is_code(uint64_t address) const
{
    return std::any_of(sections.begin(), sections.end(), [&](const FirmwareSection &section) {
        return section.code && address >= section.address && address - section.address < section.size;
    });
}

const FirmwareSymbol *FirmwareElf::function_at(uint64_t address) const
{
    return covering(functions, address);
}

const FirmwareSymbol *FirmwareElf::object_at(uint64_t address) const { return covering(objects, address); }

const FirmwareSymbol *FirmwareElf::symbol(std::string_view name) const
{
    const FirmwareSymbol *found = nullptr;
    for (const auto *symbols : {&functions, &objects, &labels})
        for (const FirmwareSymbol &symbol : *symbols)
            if (symbol.name == name && (found == nullptr || (symbol.global && !found->global)))
                found = &symbol;
    return found;
}

FirmwareElf read_firmware_elf(std::vector<uint8_t> bytes, const std::string &name, FirmwareNeeds needs)
{
    return FirmwareReader(std::move(bytes), name, needs).read();
}

FirmwareElf read_firmware_elf(const std::string &path, FirmwareNeeds needs)
{
    return read_firmware_elf(read_whole(path), path, needs);
}

} // namespace unpaired
