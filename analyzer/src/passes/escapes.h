// Which calls of a firmware reach a followed function without passing its hook, and why.
#pragma once

#include "input/code_references.h"
#include "input/firmware_elf.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace unpaired {

enum class EscapeKind {
    call,      ///< a branch to the function itself
    tail_call, ///< the same, as the last thing its caller does
    address,   ///< code puts the function's address into a register
    word,      ///< the function's address stands in data: a table, a function pointer
    inlined,   ///< the compiler put the function's body in place of the call
};

enum class EscapeCause {
    same_object, ///< caller and function are in one object file: the linker wraps only what that leaves undefined
    not_wrapped,   ///< the linker was not told to wrap it
    link_time,     ///< LTO resolved the call before the linker could wrap it
    inlined_early, ///< inlined by the compiler of its own file
};

struct Escape {
    std::string function; ///< that was called
    EscapeKind kind = EscapeKind::call;
    EscapeCause cause = EscapeCause::same_object;
    uint64_t address = 0;
    std::string caller;  ///< function or variable around the place; "" if none is known
    std::string section; ///< for words of data
    std::string file;    ///< "" if not known
    int line = 0;
    uint64_t function_address = 0; ///< 0: it exists only as an inlined copy
    std::string function_source;   ///< the source file the function was compiled from; "" if not known
};

/// What debug information and the command line know beyond the ELF file itself. Addresses are the file's.
struct EscapeContext {
    struct Unit {
        std::string source; ///< "" if not known
        bool lto = false;
    };
    struct Place {
        std::string file;
        int line = 0;
    };
    struct Copy {
        std::string function, caller;
        uint64_t address = 0;
        Place call;
        bool lto = false;
    };
    std::function<Unit(uint64_t)> unit_at = [](uint64_t) { return Unit(); };
    std::function<Place(uint64_t)> line_at = [](uint64_t) { return Place(); };
    /// The object file the address was linked from, "" if not known.
    std::function<std::string(uint64_t)> object_at = [](uint64_t) { return std::string(); };
    std::vector<Copy> inlined;
    /// Patterns (symbols/wildcard.h) for callers, or for object files as object_at() has them.
    std::vector<std::string> allowed_callers;
};

struct EscapeReport {
    std::vector<Escape> escapes; ///< by address
    size_t functions = 0;        ///< followed by this build
    size_t linked = 0;           ///< of those, in the image
    size_t hooked = 0;           ///< places that lead to a hook, as they should
    size_t allowed = 0;          ///< escapes that allowed_callers permits
    bool exact = false;          ///< as in CodeReferences
};

/// The functions a build follows: those of its dictionary, else those with a `__wrap_` symbol.
std::vector<std::string> followed_functions(const FirmwareElf &elf);

/// Not an escape: what hooks (`__wrap_*`) and the recorder (`unpaired_*`) do; a call from one followed function to
/// another of the same space, or from a helper that only those or the hooks call, since that happens inside a hooked
/// call; a call of an acquirer that itself calls a hooked acquirer of its space (strdup: malloc).
EscapeReport find_escapes(const FirmwareElf &elf, const CodeReferences &references,
                          const EscapeContext &context);

} // namespace unpaired
