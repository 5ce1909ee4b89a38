// An ELF file with its debug information, opened through libdwfl at its own virtual addresses (bias 0).
#pragma once

#include "symbols/symbol_options.h"

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// While it lives libdwfl asks no debuginfod server, whatever the environment says. The variable is put back
/// afterwards: the launcher's environment is its program's.
class DebuginfodShield {
public:
    explicit DebuginfodShield(bool allowed);
    ~DebuginfodShield();
    DebuginfodShield(const DebuginfodShield &) = delete;
    DebuginfodShield &operator=(const DebuginfodShield &) = delete;

private:
    std::string saved_;
    bool hidden_ = false;
};

/// Lower-case hexadecimal digits of a build-id's bytes.
std::string build_id_text(const void *bytes, size_t length);

class DebugFile {
public:
    /// Opens the module `path` (as its program saw it) below `options.sysroot`, or whatever file under the
    /// debug directories has the build-id. `build_id`, hexadecimal, is what the file must have; "" accepts any.
    /// Returns null if there is none. `problem` is set to a sentence if there is none or a part is missing.
    static std::unique_ptr<DebugFile> open(const std::string &path, const std::string &build_id,
                                           const SymbolOptions &options, std::string &problem);
    ~DebugFile();
    DebugFile(const DebugFile &) = delete;
    DebugFile &operator=(const DebugFile &) = delete;

    Dwfl_Module *module() const { return module_; }
    /// Debug information, null if there is none; the file's virtual address is a DWARF address + dwarf_bias().
    Dwarf *dwarf() const { return dwarf_; }
    uint64_t dwarf_bias() const { return dwarf_bias_; }
    int machine() const { return machine_; } ///< ELF e_machine
    const std::string &build_id() const { return build_id_; }

private:
    DebugFile() = default;
    static std::unique_ptr<DebugFile> open_file(const std::string &file, const SymbolOptions &options,
                                                std::string &problem);
    std::string search_path_; // outlives dwfl_, which keeps a pointer into it
    char *search_path_pointer_ = nullptr;
    Dwfl_Callbacks callbacks_ = {};
    Dwfl *dwfl_ = nullptr;
    Dwfl_Module *module_ = nullptr;
    Dwarf *dwarf_ = nullptr;
    Dwarf_Addr dwarf_bias_ = 0;
    int machine_ = 0;
    std::string build_id_;
};

} // namespace unpaired
