#include "symbols/symbolizer.h"

#include "symbols/debug_file_internal.h"
#include "symbols/dwarf_walk_internal.h"
#include "symbols/function_name.h"
#include "symbols/symbol_index_internal.h"

#include <elf.h>

#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <unordered_map>

namespace unpaired {

namespace {

// Open files are mappings and parsed units: the least recently used one is closed when there are more.
constexpr size_t max_open_modules = 128;
constexpr size_t max_cached_addresses = 200'000;

/// Modules that are not files: the vdso, code made at run time.
bool is_file(const std::string &path)
{
    return !path.empty() && path[0] != '[' && !path.starts_with("//") && !path.starts_with("/memfd:") &&
           !path.starts_with("/dev/zero") && !path.starts_with("/SYSV") && !path.starts_with("linux-vdso") &&
           !path.starts_with("linux-gate");
}

struct Module {
    std::unique_ptr<DebugFile> file; // null: closed, or never opened
    std::unique_ptr<DwarfIndex> index;
    std::unique_ptr<SymbolIndex> symbols;
    bool unusable = false;
    bool met = false; // opened before, and its problem told
    uint64_t last_used = 0;
    std::unordered_map<uint64_t, std::vector<Frame>> frames; // by the file's virtual address

    void close()
    {
        index.reset();
        symbols.reset();
        file.reset();
    }
};

/// The name of a function or inlined call. `symbol`, of the symbol table, may help where DWARF has no linkage
/// name; null for inlined calls.
std::string name_of(Dwarf_Die *die, const char *symbol)
{
    if (const char *linkage_name = linkage_name_of(die))
        return demangle(linkage_name);
    if (symbol && std::strncmp(symbol, "_Z", 2) == 0)
        return demangle(symbol);
    const char *name = source_name_of(die);
    return name ? name : symbol ? demangle(symbol) : "";
}

std::string variable_at(const SymbolIndex &symbols, uint64_t address)
{
    const auto symbol = symbols.at(address);
    // the symbol before, which this address lies behind, is no name for it
    if (!symbol || symbol->type != STT_OBJECT || symbol->offset >= symbol->size)
        return "";
    return symbol->offset == 0 ? demangle(symbol->name)
                               : fmt::format("{} + {}", demangle(symbol->name), symbol->offset);
}

std::vector<Frame> frames_at(DebugFile &file, DwarfIndex &index, const SymbolIndex &symbols, uint64_t address)
{
    const auto known = symbols.at(address);
    const char *symbol = known ? known->name : nullptr;
    uint64_t dwarf_address = address - file.dwarf_bias();
    auto unit = index.unit_at(dwarf_address);
    std::vector<Dwarf_Die> calls;
    SourceLine place;
    if (unit) {
        calls = index.calls_at(*unit, dwarf_address);
        place = index.line_at(*unit, dwarf_address);
    }
    std::vector<Frame> frames;
    auto add = [&](std::string function, bool inlined) {
        Frame &frame = frames.emplace_back();
        frame.function = std::move(function);
        frame.file = place.file;
        frame.line = place.file.empty() ? 0 : place.line;
        frame.inlined = inlined;
    };
    if (calls.empty())
        add(symbol ? demangle(symbol) : "", false);
    for (size_t i = calls.size(); i-- > 0;) {
        add(name_of(&calls[i], i == 0 ? symbol : nullptr), i > 0);
        if (i > 0)
            place = index.call_site_of(*unit, calls[i]);
    }
    return frames;
}

} // namespace

struct Symbolizer::Impl {
    SymbolOptions options;
    std::unordered_map<std::string, Module> modules;
    size_t open_modules = 0, cached_addresses = 0;
    uint64_t uses = 0;
    std::vector<std::string> problems;

    Module &module_of(const ModuleRef &reference)
    {
        Module &module = modules[reference.path + '\0' + reference.build_id];
        module.last_used = ++uses;
        if (module.file || module.unusable)
            return module;
        std::string problem;
        module.file = DebugFile::open(reference.path, reference.build_id, options, problem);
        if (!problem.empty() && !module.met)
            problems.push_back(problem);
        module.met = true;
        if (!module.file) {
            module.unusable = true;
            return module;
        }
        module.index = std::make_unique<DwarfIndex>(module.file->dwarf());
        module.symbols = std::make_unique<SymbolIndex>(module.file->module());
        if (++open_modules > max_open_modules)
            close_oldest();
        return module;
    }

    void close_oldest()
    {
        Module *oldest = nullptr;
        for (auto &[key, module] : modules)
            if (module.file && (!oldest || module.last_used < oldest->last_used))
                oldest = &module;
        oldest->close();
        open_modules--;
    }

    const std::vector<Frame> &cached_frames(const ModuleRef &reference, uint64_t address)
    {
        static const std::vector<Frame> nothing;
        auto known = modules.find(reference.path + '\0' + reference.build_id);
        if (known != modules.end()) {
            auto found = known->second.frames.find(address);
            if (found != known->second.frames.end())
                return found->second;
        }
        DebuginfodShield shield(options.debuginfod);
        Module &module = module_of(reference);
        if (!module.file)
            return nothing;
        if (++cached_addresses > max_cached_addresses) {
            for (auto &[key, other] : modules)
                other.frames.clear();
            cached_addresses = 1;
        }
        // The lowest bit of an ARM address only says that the code is Thumb.
        uint64_t place = module.file->machine() == EM_ARM ? address & ~uint64_t(1) : address;
        return module.frames[address] = frames_at(*module.file, *module.index, *module.symbols, place);
    }
};

Symbolizer::Symbolizer(SymbolOptions options) : impl_(std::make_unique<Impl>())
{
    impl_->options = std::move(options);
    const char *servers = std::getenv("DEBUGINFOD_URLS");
    if (impl_->options.debuginfod && (!servers || !*servers))
        impl_->problems.emplace_back("debuginfod was asked for, but DEBUGINFOD_URLS names no server.");
}

Symbolizer::~Symbolizer() = default;

std::vector<Frame> Symbolizer::resolve(const ModuleRef &module, uint64_t address)
{
    std::vector<Frame> frames;
    if (is_file(module.path) && address >= module.bias)
        frames = impl_->cached_frames(module, address - module.bias);
    if (frames.empty())
        frames.emplace_back();
    for (auto &frame : frames) {
        frame.module = module.path;
        frame.address = address;
    }
    return frames;
}

std::string Symbolizer::variable(const ModuleRef &module, uint64_t address)
{
    if (!is_file(module.path) || address < module.bias)
        return "";
    DebuginfodShield shield(impl_->options.debuginfod);
    Module &opened = impl_->module_of(module);
    return opened.file ? variable_at(*opened.symbols, address - module.bias) : "";
}

std::vector<std::string> Symbolizer::problems() const { return impl_->problems; }

} // namespace unpaired
