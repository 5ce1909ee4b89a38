#include "passes/symbolise.h"

#include "input/site_stacks.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <string_view>

namespace unpaired {

Stacks::Stacks(const Trace &trace, Symbolize &symbolize, NameVariable name_variable)
    : trace_(trace), symbolize_(symbolize), name_variable_(std::move(name_variable))
{}

/// A hook stands between the program and what the real function calls in turn: no frame of the program's.
static bool is_recorder(const Module &module) { return module.path.ends_with("/libunpaired_preload.so"); }

/// The image's own modules, latest first, then those it inherited from its parents.
const std::vector<const Module *> &Stacks::modules_of(uint16_t image) const
{
    auto [at, added] = modules_.try_emplace(image);
    if (!added)
        return at->second;
    std::vector<const Module *> &modules = at->second;
    uint16_t id = image;
    // bounded: a damaged file may hold a ring of parents
    for (int depth = 0; depth < 64; depth++) {
        for (auto module = trace_.modules.rbegin(); module != trace_.modules.rend(); ++module)
            if (module->image == id)
                modules.push_back(&*module);
        auto found = trace_.images.find(id);
        if (found == trace_.images.end() || found->second.parent == 0 || found->second.parent == id)
            break;
        id = found->second.parent;
    }
    return modules;
}

const Module *Stacks::module_of(const Site &site, uint64_t address) const
{
    for (const Module *module : modules_of(site.image))
        if (module->generation <= site.generation && address >= module->start && address < module->end)
            return module;
    return nullptr;
}

std::vector<ImageModule> Stacks::modules_in(const std::vector<Finding> &findings, uint16_t image) const
{
    std::set<uint64_t> addresses;
    for (const Finding &finding : findings)
        for (const Frame &frame : finding.stack)
            addresses.insert(frame.address);
    std::map<uint64_t, ImageModule> found;
    for (const Module *module : modules_of(image)) {
        // a return address may be behind the module's last instruction
        const auto first = addresses.upper_bound(module->start);
        if (first != addresses.end() && *first <= module->end)
            found.try_emplace(module->start,
                              ImageModule{module->path, module->build_id, module->start, module->end});
    }
    std::vector<ImageModule> modules;
    for (auto &[start, module] : found)
        modules.push_back(std::move(module));
    return modules;
}

std::string Stacks::variable_at(uint16_t image, uint64_t address) const
{
    for (const Module *module : modules_of(image))
        if (address >= module->start && address < module->end) {
            const std::string file = module->path.substr(module->path.rfind('/') + 1);
            const std::string name = name_variable_ ? name_variable_(*module, address) : "";
            return fmt::format("{} of {}", name.empty() ? "data" : name, file);
        }
    return "";
}

uint64_t Stacks::file_address(const Site &site, uint64_t address) const
{
    const Module *module = module_of(site, address - 1);
    return module == nullptr ? address : address - module->bias;
}

const std::vector<Frame> &Stacks::frames_at(const Module &module, uint64_t return_address)
{
    auto [at, added] = frames_[&module].try_emplace(return_address);
    if (!added)
        return at->second;
    std::vector<Frame> &frames = at->second;
    // the return address may already be behind the calling function's last instruction
    frames = symbolize_(module, return_address - 1);
    if (frames.empty())
        frames.emplace_back();
    for (size_t i = 0; i < frames.size(); i++) {
        Frame &frame = frames[i];
        std::string function = without_compiler_suffix(frame.function);
        // how glibc's debug information spells the inside alias of an exported function
        if (function.starts_with("__GI_"))
            function.erase(0, 5);
        frame.function = function;
        frame.address = return_address;
        frame.module = module.path;
        frame.inlined = i + 1 < frames.size();
    }
    return frames;
}

/// The loader's entries, by whichever of their names.
static bool opens_libraries(std::string_view function)
{
    function.remove_prefix(std::min(function.find_first_not_of('_'), function.size()));
    return function == "dlopen" || function == "dlmopen";
}

std::vector<Frame> Stacks::of(const Site &site, size_t addresses)
{
    const std::vector<uint64_t> innermost = addresses_of(trace_, site, addresses);
    const auto in_recorder = [&](size_t i) {
        const Module *module = i < innermost.size() ? module_of(site, innermost[i] - 1) : nullptr;
        return module != nullptr && is_recorder(*module);
    };
    std::vector<Frame> result;
    result.reserve(innermost.size());
    for (size_t i = 0; i < innermost.size(); i++) {
        const uint64_t address = innermost[i];
        // The recorder calls the loader with a return address in the caller's library (loader_call.cpp): no call was there.
        if (!result.empty() && opens_libraries(result.back().function) && in_recorder(i + 1))
            continue;
        if (const Module *module = module_of(site, address - 1)) {
            if (is_recorder(*module))
                continue;
            const std::vector<Frame> &frames = frames_at(*module, address);
            result.insert(result.end(), frames.begin(), frames.end());
        } else {
            Frame &frame = result.emplace_back();
            frame.address = address;
        }
    }
    return result;
}

std::string without_compiler_suffix(const std::string &function)
{
    static constexpr std::array<std::string_view, 7> suffixes = {".isra",     ".part", ".constprop", ".cold",
                                                                 ".lto_priv", ".llvm", " [clone "};
    size_t end = function.size();
    for (std::string_view suffix : suffixes)
        // at 0 it would be the whole name; behind the name proper nothing else follows but more suffixes
        if (size_t at = function.find(suffix, 1); at != std::string::npos) {
            size_t after = at + suffix.size();
            if (suffix.back() == ' ' || after == function.size() || function[after] == '.')
                end = std::min(end, at);
        }
    return function.substr(0, end);
}

} // namespace unpaired
