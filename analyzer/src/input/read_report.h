// A report that was saved as JSON, back as data.
#pragma once

#include "report.h"

#include <cstdint>
#include <span>
#include <string>

namespace unpaired {

/// Whether the bytes begin as JSON does: with an object, perhaps after blanks and a byte order mark. A trace or a
/// stream never does.
bool looks_like_json(std::span<const uint8_t> beginning);

/// Reads a report that write_json() wrote, this version's or an earlier one's: members that are not known are
/// passed over, those that are missing stay as they are by default. Written again it is the same text. May be
/// zstd-compressed. Throws InputError if the file cannot be read, is cut off, damaged, of a later schema, or
/// something else altogether.
Report read_report(const std::string &path);

/// The same from text; `name` is what messages call it.
Report parse_report(std::string_view text, const std::string &name);

} // namespace unpaired
