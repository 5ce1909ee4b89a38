// Names come from other programs and need not be UTF-8, nor printable. Every text that a terminal or another program
// reads goes through one of these functions.
#pragma once

#include <string>
#include <string_view>

namespace unpaired {

/// Returns `text` as valid UTF-8 in which no character controls a terminal, reorders the text or is invisible:
/// controls (C0, DEL, C1), bidirectional and other format characters, line separators, noncharacters. Each of them
/// becomes '?', each byte that is not UTF-8 becomes U+FFFD. Line feeds and tabs stay. XML 1.0 allows all that
/// remains.
std::string printable_utf8(std::string_view text);

/// Does the same for a text within a line: line feeds and tabs become '?' too.
std::string one_printable_line(std::string_view text);

/// Returns a JSON text with the same meaning, in which such characters are written as \uXXXX. `json` must be valid
/// UTF-8.
std::string printable_json(std::string_view json);

} // namespace unpaired
