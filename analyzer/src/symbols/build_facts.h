// What debug information tells of how a program was built: source files, LTO, calls that were inlined away.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace unpaired {

struct SourcePlace {
    std::string file; ///< "" where nothing is known
    int line = 0;
};

/// The compilation unit an address is of.
struct BuildUnit {
    bool known = false;
    std::string source; ///< as the compiler was given it, absolute
    bool lto = false;   ///< its code was made at link time, from several units
};

/// A function's body where a call of it stood in the source.
struct InlinedCopy {
    std::string function;
    std::string caller;   ///< the function that has the copy
    uint64_t address = 0; ///< where it begins
    SourcePlace call;
    bool lto = false;
};

/// One file's debug information; everything is empty or unknown where it has none. Not thread-safe.
class BuildFacts {
public:
    explicit BuildFacts(const std::string &path);
    ~BuildFacts();
    BuildFacts(const BuildFacts &) = delete;
    BuildFacts &operator=(const BuildFacts &) = delete;

    bool has_debug_information() const;
    SourcePlace line_at(uint64_t address) const;
    BuildUnit unit_at(uint64_t address) const;
    /// Copies of the functions with external linkage so called, by address.
    std::vector<InlinedCopy> inlined_copies(const std::set<std::string> &functions) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace unpaired
