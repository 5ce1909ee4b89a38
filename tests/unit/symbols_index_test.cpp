#include "symbols/symbol_index_internal.h"

#include "symbols_samples.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <fcntl.h>

using namespace unpaired;

namespace {

/// A file opened as libdwfl opens it, without its debug information.
struct Opened {
    Dwfl_Callbacks callbacks{};
    Dwfl *dwfl = nullptr;
    Dwfl_Module *module = nullptr;

    explicit Opened(const std::string &file)
    {
        callbacks.find_elf = dwfl_build_id_find_elf;
        callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
        callbacks.section_address = dwfl_offline_section_address;
        dwfl = dwfl_begin(&callbacks);
        module = dwfl_report_elf(dwfl, file.c_str(), file.c_str(), -1, 0, true);
        dwfl_report_end(dwfl, nullptr, nullptr);
    }
    ~Opened() { dwfl_end(dwfl); }
    Opened(const Opened &) = delete;
    Opened &operator=(const Opened &) = delete;
};

} // namespace

TEST_CASE("the sorted symbol table answers what libdwfl answers, for any address", "[symbols]")
{
    // given libraries and programs with full tables, with exported symbols only, with labels of assembly
    const std::string file =
        GENERATE(as<std::string>(), "/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/python3",
                 "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", "sample_full", "/proc/self/exe");
    const std::string path = file[0] == '/' ? file : samples::folder + "/" + file;
    CAPTURE(path);
    if (access(path.c_str(), R_OK) != 0) {
        WARN(path << " is not here: not compared");
        return;
    }
    Opened opened(path);
    REQUIRE(opened.module != nullptr);
    Dwarf_Addr start = 0, end = 0;
    dwfl_module_info(opened.module, nullptr, &start, &end, nullptr, nullptr, nullptr, nullptr);
    const SymbolIndex index(opened.module);
    unsigned differing = 0, named = 0;
    std::string first;
    const auto compare = [&](uint64_t address) {
        GElf_Off offset = 0;
        GElf_Sym symbol{};
        const char *name =
            dwfl_module_addrinfo(opened.module, address, &offset, &symbol, nullptr, nullptr, nullptr);
        const auto found = index.at(address);
        const bool same = name == nullptr
                              ? !found
                              : found && std::strcmp(name, found->name) == 0 && offset == found->offset &&
                                    symbol.st_size == found->size;
        named += name != nullptr;
        if (!same && differing++ == 0)
            first = std::to_string(address) + ": " + (name ? name : "nothing") + ", and here " +
                    (found ? found->name : "nothing");
    };
    // when addresses all over the file are asked for, and those about the borders of symbols
    for (uint64_t i = 0; i < 600; i++)
        compare(start + (end - start) * i / 600 + i % 7);
    const int count = dwfl_module_getsymtab(opened.module);
    for (int i = 1; i < count; i += 1 + count / 200) {
        GElf_Sym symbol;
        GElf_Addr value = 0;
        if (dwfl_module_getsym_info(opened.module, i, &symbol, &value, nullptr, nullptr, nullptr) == nullptr)
            continue;
        for (const uint64_t address : {value - 1, value, value + 1, value + symbol.st_size / 2,
                                       value + symbol.st_size - 1, value + symbol.st_size})
            compare(address);
    }
    // then
    CAPTURE(first);
    CHECK(differing == 0);
    CHECK(named > 100);
}
