// Stacks of addresses to stacks of frames.
#pragma once

#include "input/model.h"
#include "report.h"

#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace unpaired {

/// Names one code address of a module: the frames at it, innermost inlined one first, the function that holds
/// the code last; empty if nothing is known. The address is already inside the call (return address − 1).
using Symbolize = std::function<std::vector<Frame>(const Module &, uint64_t address)>;

/// Names what stands at a data address of a module: "g_sessions + 16"; "" if nothing is known.
using NameVariable = std::function<std::string(const Module &, uint64_t address)>;

/// The symbolised stacks of one trace. Each distinct address is looked up once.
class Stacks {
public:
    Stacks(const Trace &trace, Symbolize &symbolize, NameVariable name_variable = {});

    /// The frames of a site, innermost first; at most the innermost `addresses` of its addresses. Compiler
    /// suffixes are removed from names. An unknown function has the name "", the recorder's own are left out.
    std::vector<Frame> of(const Site &site, size_t addresses = SIZE_MAX);

    /// The module of the image that `site` was interned in, at that time; nullptr if none covers the address.
    const Module *module_of(const Site &site, uint64_t address) const;

    /// The image's modules that code in the stacks of `findings` lies in, by address.
    std::vector<ImageModule> modules_in(const std::vector<Finding> &findings, uint16_t image) const;

    /// Address in the module's file, or the address itself.
    uint64_t file_address(const Site &site, uint64_t address) const;

    /// "g_sessions + 16 of server", "data of libc.so.6"; "" for memory of no module of `image`.
    std::string variable_at(uint16_t image, uint64_t address) const;

private:
    const std::vector<Frame> &frames_at(const Module &module, uint64_t return_address);
    const std::vector<const Module *> &modules_of(uint16_t image) const;

    const Trace &trace_;
    Symbolize &symbolize_;
    const NameVariable name_variable_;
    mutable std::map<uint16_t, std::vector<const Module *>> modules_; // by image, in order of search
    std::map<const Module *, std::unordered_map<uint64_t, std::vector<Frame>>> frames_;
};

/// A function's name without what the compiler appended to tell clones apart: .isra.0, .part.1, .constprop.0,
/// .cold, .lto_priv.0, and " [clone ...]" of demanglers. Operators, templates and arguments stay.
std::string without_compiler_suffix(const std::string &function);

} // namespace unpaired
