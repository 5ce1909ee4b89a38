// Stacks of addresses to stacks of frames.
#pragma once

#include "input/model.h"
#include "report.h"

#include <algorithm>
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
    Stack of(const Site &site, size_t addresses = SIZE_MAX);

    /// The module of the image that `site` was interned in, at that time; nullptr if none covers the address.
    const Module *module_of(const Site &site, uint64_t address) const;

    /// The image's modules that code in the stacks of `findings` lies in, by address.
    std::vector<ImageModule> modules_in(const std::vector<Finding> &findings, uint16_t image) const;

    /// Address in the module's file, or the address itself.
    uint64_t file_address(const Site &site, uint64_t address) const;

    /// "g_sessions + 16 of server", "data of libc.so.6"; "" for memory of no module of `image`.
    std::string variable_at(uint16_t image, uint64_t address) const;

private:
    /// The modules of one image by address.
    class ModuleIndex {
    public:
        /// A module that was recorded later has a greater `order`.
        void add(const Module &module, uint32_t order);
        /// Sorts the index. Call it once, after the last add().
        void sort();
        /// Returns the latest module that covers `address` and is not younger than `generation`, or nullptr.
        const Module *find(uint64_t address, uint32_t generation) const;
        template <class Visit> void each_latest_first(Visit visit) const
        {
            std::vector<const Entry *> latest;
            for (const Entry &entry : entries_)
                latest.push_back(&entry);
            std::sort(latest.begin(), latest.end(),
                      [](const Entry *a, const Entry *b) { return a->order > b->order; });
            for (const Entry *entry : latest)
                visit(*entry->module);
        }

    private:
        struct Entry {
            uint64_t start, greatest_end; ///< the greatest end of this and all entries before
            const Module *module;
            uint32_t order;
        };
        std::vector<Entry> entries_; // by start
    };

    const Stack &frames_at(const Module &module, uint64_t return_address);
    template <class Visit> void each_image_upwards(uint16_t image, Visit visit) const;
    const Module *module_at(uint16_t image, uint64_t address, uint32_t generation) const;

    const Trace &trace_;
    Symbolize &symbolize_;
    const NameVariable name_variable_;
    std::map<uint16_t, ModuleIndex> modules_;
    std::map<const Module *, std::unordered_map<uint64_t, Stack>> frames_;
};

/// A function's name without what the compiler appended to tell clones apart: .isra.0, .part.1, .constprop.0,
/// .cold, .lto_priv.0, and " [clone ...]" of demanglers. Operators, templates and arguments stay.
std::string without_compiler_suffix(const std::string &function);

} // namespace unpaired
