// What `unpaired verify` found, as text or as JSON.
#pragma once

#include "passes/escape_fixes.h"
#include "passes/escapes.h"

#include <ostream>
#include <string>
#include <vector>

namespace unpaired {

struct EscapeText {
    std::string program; ///< the ELF file, as it was named
    bool colour = false;
    bool with_fixes = false;
    bool has_debug_information = true;
};

/// For a person: one paragraph an escape, then the fixes. Returns nothing found as one line.
void write_escapes_text(std::ostream &out, const EscapeReport &report, const std::vector<Fix> &fixes,
                        const EscapeText &how);

/// { "schema": "unpaired-verify/1", "program", "functions", "linked", "hooked", "allowed", "exact",
///   "escapes": [ { "function", "kind", "cause", "address", "caller", "section", "file", "line" } ],
///   "fixes": [ [ lines ] ] }; what is not known is left out.
void write_escapes_json(std::ostream &out, const EscapeReport &report, const std::vector<Fix> &fixes,
                        const EscapeText &how);

} // namespace unpaired
