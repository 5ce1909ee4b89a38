// A small file whose numbers ask for much memory is refused, or read within bounds.
#include "firmware_samples.h"
#include "input/core_file.h"
#include "input/firmware_elf.h"
#include "input/input_error.h"
#include "input/read_report.h"
#include "input/read_stream.h"
#include "stream_builder.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <elf.h>
#include <filesystem>
#include <fstream>
#include <string>

using namespace unpaired;
using namespace unpaired::test;
using Catch::Matchers::Contains;

namespace {

template <class Value> void append(std::vector<uint8_t> &bytes, const Value &value)
{
    const auto *from = reinterpret_cast<const uint8_t *>(&value);
    bytes.insert(bytes.end(), from, from + sizeof value);
}

/// An ELF file whose `count` section headers all name the same table of symbols, whose names are all one long text.
std::vector<uint8_t> elf_with_shared_tables(size_t sections, size_t symbols, size_t name)
{
    std::vector<uint8_t> file(sizeof(Elf32_Ehdr));
    std::string text_of_names = std::string(1, '\0') + std::string(name, 'n') + '\0';
    text_of_names.resize((text_of_names.size() + 3) / 4 * 4);
    const size_t names_at = file.size(), names = text_of_names.size(), symbols_at = names_at + names;
    file.insert(file.end(), text_of_names.begin(), text_of_names.end());
    for (size_t i = 0; i < symbols; i++) {
        Elf32_Sym symbol{};
        symbol.st_name = 1;
        symbol.st_info = ELF32_ST_INFO(STB_GLOBAL, STT_OBJECT);
        symbol.st_shndx = 1;
        append(file, symbol);
    }
    const size_t headers_at = file.size();
    append(file, Elf32_Shdr{});
    Elf32_Shdr text{};
    text.sh_type = SHT_STRTAB;
    text.sh_offset = static_cast<Elf32_Off>(names_at);
    text.sh_size = static_cast<Elf32_Word>(names);
    append(file, text);
    for (size_t i = 0; i < sections; i++) {
        Elf32_Shdr table{};
        table.sh_type = SHT_SYMTAB;
        table.sh_offset = static_cast<Elf32_Off>(symbols_at);
        table.sh_size = static_cast<Elf32_Word>(symbols * sizeof(Elf32_Sym));
        table.sh_link = 1;
        table.sh_entsize = sizeof(Elf32_Sym);
        append(file, table);
    }
    Elf32_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_ARM;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof header;
    header.e_shoff = static_cast<Elf32_Off>(headers_at);
    header.e_shentsize = sizeof(Elf32_Shdr);
    header.e_shnum = static_cast<Elf32_Half>(sections + 2);
    header.e_shstrndx = 1;
    std::memcpy(file.data(), &header, sizeof header);
    return file;
}

std::string elf_error(std::vector<uint8_t> bytes)
{
    try {
        read_firmware_elf(std::move(bytes), "fw.elf", {.dictionary = false, .symbols = true});
    } catch (const InputError &error) {
        return error.what();
    }
    return "";
}

/// A core with `segments` note segments, which are all the same bytes of the file: one thread each.
std::vector<uint8_t> core_with_shared_notes(size_t segments)
{
    constexpr size_t status_size = 336;
    std::vector<uint8_t> notes;
    Elf64_Nhdr note{};
    note.n_namesz = 5;
    note.n_descsz = status_size;
    note.n_type = NT_PRSTATUS;
    append(notes, note);
    append(notes, std::array<char, 8>{'C', 'O', 'R', 'E'});
    notes.resize(notes.size() + status_size);
    std::vector<uint8_t> file;
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_type = ET_CORE;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(segments);
    append(file, header);
    for (size_t i = 0; i < segments; i++) {
        Elf64_Phdr segment{};
        segment.p_type = PT_NOTE;
        segment.p_offset = sizeof header + segments * sizeof segment;
        segment.p_filesz = notes.size();
        append(file, segment);
    }
    file.insert(file.end(), notes.begin(), notes.end());
    return file;
}

std::string report_error(const std::string &text)
{
    try {
        parse_report(text, "saved.json");
    } catch (const InputError &error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("an ELF file whose symbols share one long name is refused")
{
    CHECK_THAT(elf_error(elf_with_shared_tables(1, 4000, 100000)), Contains("its sections overlap"));
    CHECK(elf_error(elf_with_shared_tables(1, 4, 1000)).empty());
}

TEST_CASE("an ELF file whose sections share one table is refused")
{
    CHECK_THAT(elf_error(elf_with_shared_tables(2000, 4000, 1)), Contains("its sections overlap"));
}

TEST_CASE("the notes of a core that share bytes of the file are read no more often than the file is long")
{
    constexpr size_t segments = 5000;
    const std::vector<uint8_t> bytes = core_with_shared_notes(segments);
    const std::string path = std::filesystem::temp_directory_path() / "unpaired-shared-notes.core";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    const CoreFile core = read_core_file(path);
    std::filesystem::remove(path);
    CHECK(core.threads.size() < segments / 4);
    REQUIRE_FALSE(core.damage.empty());
    CHECK_THAT(core.damage.front(), Contains("some notes of the core are left out"));
}

TEST_CASE("a stream whose clock goes back all the time is read within bounds")
{
    // each clock that goes back begins a run, which has a dictionary of its own
    constexpr uint32_t restarts = 10000;
    StreamBuilder b;
    for (uint32_t i = 0; i < restarts; i++)
        b.clock(i % 2 == 0 ? 100000 : 1);
    const std::vector<Trace> runs = read_stream(b.bytes(), "uart.bin", firmware());
    CHECK(runs.size() < restarts / 2);
    CHECK_THAT(runs.back().damage.back(), Contains("the stream is left out from its record"));
}

TEST_CASE("a report with a text that is longer than any is refused before the text is taken whole")
{
    const std::string beginning = R"({"schema":"unpaired-report/1","remarks":[")";
    CHECK_THAT(report_error(beginning + std::string(17 << 20, 'x') + R"("],"images":[]})"),
               Contains("a text in it has more than 16 MiB"));
    std::string quotes;
    while (quotes.size() < 17 << 20)
        quotes += R"(\")";
    CHECK_THAT(report_error(beginning + quotes + R"("],"images":[]})"),
               Contains("a text in it has more than 16 MiB"));
    CHECK(report_error(beginning + std::string(1 << 20, 'x') + R"("],"images":[]})").empty());
}
