#include "symbols/symbol_index_internal.h"

#include "symbols/debug_file_internal.h"
#include "symbols_samples.h"

#include <gelf.h>
#include <string>

using namespace unpaired;

namespace {

struct Compared {
    unsigned named = 0, different = 0;
};

/// Asks both at every `step`th address from the first to the last one of the module.
Compared compare(DebugFile &file, uint64_t step)
{
    Compared result;
    const SymbolIndex symbols(file.module());
    Dwarf_Addr start = 0, end = 0;
    dwfl_module_info(file.module(), nullptr, &start, &end, nullptr, nullptr, nullptr, nullptr);
    for (uint64_t address = start; address < end; address += step) {
        GElf_Off offset = 0;
        GElf_Sym symbol{};
        const char *name =
            dwfl_module_addrinfo(file.module(), address, &offset, &symbol, nullptr, nullptr, nullptr);
        const auto ours = symbols.at(address);
        if (!name || !*name)
            name = "";
        result.named += *name != '\0';
        // of a label without a size libdwfl thinks beyond its section's end, too, and more than of a variable
        if (symbol.st_size == 0 && (!ours || ours->size != 0))
            continue;
        if ((ours ? std::string(ours->name) : "") != name || (ours && ours->offset != offset))
            result.different++;
    }
    return result;
}

} // namespace

TEST_CASE("each address has the symbol that libdwfl finds for it", "[symbols]")
{
    // given programs whose symbols overlap, share an address, or have no size, and the C library
    const auto [path, step] =
        GENERATE(table<std::string, uint64_t>({{samples::folder + "/sample_full", 1},
                                               {samples::folder + "/sample_static_pie", 501},
                                               {"/lib/x86_64-linux-gnu/libc.so.6", 211}}));
    CAPTURE(path);
    std::string problem;
    const auto file = DebugFile::open(path, "", {}, problem);
    REQUIRE(file);
    // when libdwfl goes through its table for each address, and we look into ours
    const Compared compared = compare(*file, step);
    // then they agree
    CHECK(compared.different == 0);
    CHECK(compared.named > 100);
}
