#include "passes/symbolise.h"

#include "input/site_stacks.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_set>

namespace unpaired {

Stacks::Stacks(const Trace &trace, Symbolize &symbolize, NameVariable name_variable)
    : trace_(trace), symbolize_(symbolize), name_variable_(std::move(name_variable))
{
    uint32_t order = 0;
    for (const Module &module : trace.modules)
        modules_[module.image].add(module, order++);
    for (auto &[image, modules] : modules_)
        modules.sort();
}

/// A hook stands between the program and what the real function calls in turn: no frame of the program's.
static bool is_recorder(const Module &module) { return module.path.ends_with("/libunpaired_preload.so"); }

void Stacks::ModuleIndex::add(const Module &module, uint32_t order)
{
    entries_.push_back({module.start, 0, &module, order});
}

void Stacks::ModuleIndex::sort()
{
    std::sort(entries_.begin(), entries_.end(), [](const Entry &a, const Entry &b) {
        return std::tie(a.start, a.order) < std::tie(b.start, b.order);
    });
    uint64_t greatest = 0;
    for (Entry &entry : entries_)
        entry.greatest_end = greatest = std::max(greatest, entry.module->end);
}

const Module *Stacks::ModuleIndex::find(uint64_t address, uint32_t generation) const
{
    auto at = std::upper_bound(entries_.begin(), entries_.end(), address,
                               [](uint64_t wanted, const Entry &entry) { return wanted < entry.start; });
    const Entry *found = nullptr;
    while (at != entries_.begin() && (--at)->greatest_end > address)
        if (address < at->module->end && at->module->generation <= generation &&
            (found == nullptr || at->order > found->order))
            found = &*at;
    return found == nullptr ? nullptr : found->module;
}

/// Visits the modules of an image, then those it inherited from its parents, until `visit` returns true.
template <class Visit> void Stacks::each_image_upwards(uint16_t image, Visit visit) const
{
    // bounded: a damaged file may hold a ring of parents
    for (int depth = 0; depth < 64; depth++) {
        if (auto modules = modules_.find(image); modules != modules_.end() && visit(modules->second))
            return;
        auto found = trace_.images.find(image);
        if (found == trace_.images.end() || found->second.parent == 0 || found->second.parent == image)
            return;
        image = found->second.parent;
    }
}

const Module *Stacks::module_at(uint16_t image, uint64_t address, uint32_t generation) const
{
    const Module *module = nullptr;
    each_image_upwards(image, [&](const ModuleIndex &modules) {
        module = modules.find(address, generation);
        return module != nullptr;
    });
    return module;
}

const Module *Stacks::module_of(const Site &site, uint64_t address) const
{
    return module_at(site.image, address, site.generation);
}

std::vector<ImageModule> Stacks::modules_in(const std::vector<Finding> &findings, uint16_t image) const
{
    std::unordered_set<const Frame *> frames;
    for (const Finding &finding : findings)
        for (const Frame &frame : finding.stack)
            frames.insert(&frame);
    std::set<uint64_t> addresses;
    for (const Frame *frame : frames)
        addresses.insert(frame->address);
    std::map<uint64_t, ImageModule> found;
    each_image_upwards(image, [&](const ModuleIndex &modules) {
        modules.each_latest_first([&](const Module &module) {
            // a return address may lie after the module's last instruction
            const auto first = addresses.upper_bound(module.start);
            if (first != addresses.end() && *first <= module.end)
                found.try_emplace(module.start,
                                  ImageModule{module.path, module.build_id, module.start, module.end});
        });
        return false;
    });
    std::vector<ImageModule> modules;
    for (auto &[start, module] : found)
        modules.push_back(std::move(module));
    return modules;
}

std::string Stacks::variable_at(uint16_t image, uint64_t address) const
{
    const Module *module = module_at(image, address, UINT32_MAX);
    if (module == nullptr)
        return "";
    const std::string file = module->path.substr(module->path.rfind('/') + 1);
    const std::string name = name_variable_ ? name_variable_(*module, address) : "";
    return fmt::format("{} of {}", name.empty() ? "data" : name, file);
}

uint64_t Stacks::file_address(const Site &site, uint64_t address) const
{
    const Module *module = module_of(site, address - 1);
    return module == nullptr ? address : address - module->bias;
}

const Stack &Stacks::frames_at(const Module &module, uint64_t return_address)
{
    auto [at, added] = frames_[&module].try_emplace(return_address);
    if (!added)
        return at->second;
    // the return address may already be behind the calling function's last instruction
    std::vector<Frame> frames = symbolize_(module, return_address - 1);
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
    return at->second = frames;
}

/// Returns true for the loader's entries, under any of their names.
static bool opens_libraries(std::string_view function)
{
    function.remove_prefix(std::min(function.find_first_not_of('_'), function.size()));
    return function == "dlopen" || function == "dlmopen";
}

Stack Stacks::of(const Site &site, size_t addresses)
{
    const std::vector<uint64_t> innermost = addresses_of(trace_, site, addresses);
    const auto in_recorder = [&](size_t i) {
        const Module *module = i < innermost.size() ? module_of(site, innermost[i] - 1) : nullptr;
        return module != nullptr && is_recorder(*module);
    };
    Stack result;
    result.reserve(innermost.size());
    for (size_t i = 0; i < innermost.size(); i++) {
        const uint64_t address = innermost[i];
        // The recorder calls the loader with a return address in the caller's library (loader_call.cpp), where there
        // is no call.
        if (!result.empty() && opens_libraries(result.back().function) && in_recorder(i + 1))
            continue;
        if (const Module *module = module_of(site, address - 1)) {
            if (!is_recorder(*module))
                result.append(frames_at(*module, address));
        } else {
            Frame frame;
            frame.address = address;
            result.push_back(frame);
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
