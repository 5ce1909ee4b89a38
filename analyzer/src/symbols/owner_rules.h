// Owner rules: `PATTERN=XXXX`, from the command line to the recorder and to the report. See docs/owners.md.
#pragma once

#include "report.h"
#include "symbols/program_libraries.h"
#include "symbols/symbol_options.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace unpaired {

enum class OwnerRuleKind { function, source, module };

struct OwnerRule {
    OwnerRuleKind kind = OwnerRuleKind::function;
    std::string pattern; ///< wildcard.h, without the prefix of its kind
    std::string owner;   ///< 1 to 4 characters
    std::string text;    ///< as written
};

/// A rule that is none: what() is one line that names it and shows a right one.
struct OwnerRuleError : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
};

/// Reads one rule, `PATTERN=OWNER`. The kind is what the pattern looks like, or what its prefix says:
///   mod:  or ".so" in it, or a path without wildcard at its end   a module, by file name (by path if it has '/')
///   src:  or a source file's suffix, or a '/' in it               a source file, by file name (or path)
///   fun:  or anything else                                        a function, by scoped or linkage name
/// Throws OwnerRuleError.
OwnerRule parse_owner_rule(const std::string &text);

/// Reads several; the first in order wins where several match one frame. Throws OwnerRuleError.
std::vector<OwnerRule> parse_owner_rules(const std::vector<std::string> &texts);

/// The owner of a stack (innermost frame first): the first frame that any rule matches decides.
std::optional<std::string> match_rules(const std::vector<OwnerRule> &rules, const Stack &stack);

/// The rules as the recorder wants them (unpaired/owner_rules.h): ranges of addresses for functions and source
/// files of the executable and the libraries, inlined calls included, and patterns for modules. Files without
/// a build-id cannot be named there; `problems`, if given, gets a sentence for each of them that has ranges, and
/// for each rule that matches nothing in these files.
std::vector<std::byte> compile_rules(const std::vector<OwnerRule> &rules, const std::string &executable,
                                     const std::vector<std::string> &libraries,
                                     const SymbolOptions &options = {},
                                     std::vector<std::string> *problems = nullptr);

/// Does the rule match a function of that demangled and linkage name (either may be empty), a source file, a
/// module? False for rules of another kind.
bool matches_function(const OwnerRule &rule, const std::string &demangled, const std::string &linkage_name);
bool matches_source(const OwnerRule &rule, const std::string &file);
bool matches_module(const OwnerRule &rule, const std::string &path);

} // namespace unpaired
