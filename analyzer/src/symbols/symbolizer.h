// Frames from addresses: function, file and line, with the calls that the compiler inlined.
#pragma once

#include "report.h"
#include "symbols/symbol_options.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace unpaired {

/// A file mapped for execution, as a trace or a core names it.
struct ModuleRef {
    std::string path;
    std::string build_id;        ///< hexadecimal; "" if the module has none
    uint64_t start = 0, end = 0; ///< addresses covered, end exclusive
    uint64_t bias = 0;           ///< address minus the file's own virtual address
};

/// Resolves addresses; opens each module once and remembers each address. Not thread-safe.
class Symbolizer {
public:
    explicit Symbolizer(SymbolOptions options);
    ~Symbolizer();
    Symbolizer(const Symbolizer &) = delete;
    Symbolizer &operator=(const Symbolizer &) = delete;

    /// The frames at `address`, innermost inlined call first, the physical function last; never empty. The
    /// caller has taken one off a return address already, so that `address` lies in the call. Where nothing is
    /// known there is one frame with module and address alone. Every frame's `address` is the one given.
    std::vector<Frame> resolve(const ModuleRef &module, uint64_t address);

    /// The variable of static storage at `address`: "g_sessions", "g_sessions + 16"; "" if none is known.
    std::string variable(const ModuleRef &module, uint64_t address);

    /// Sentences about modules whose frames lack names: missing, replaced since, unreadable. One per module,
    /// in the order met.
    std::vector<std::string> problems() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace unpaired
