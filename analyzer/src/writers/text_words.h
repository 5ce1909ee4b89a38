// The words of the text report beside those of words.h: times, names of errors and signals, lines.
#pragma once

#include "report.h"
#include "words.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// Seconds of a guess, in one unit: "45 s", "20 min", "2 h", "3 days"; in one that does not make it much shorter, for
/// what is to come is not told for a time that has been.
std::string rough_duration_text(double seconds);

/// What grows by cycles: "2 per reconnect", "one in about 4 reconnects".
std::string rate_text(double per_cycle, const TraceInfo &trace);

/// "1st", "22nd", "1,013th".
std::string ordinal(uint64_t n);

/// "EINVAL", or "errno 4711" for a number without a name.
std::string errno_name(int error);

/// "SIGABRT", or "signal 47" for a number without a name.
std::string signal_name(int signal);

/// Names of C++ that are longer are shortened where lines are of a width.
constexpr size_t widest_name = 44;

/// "serve_one, server.c:11", or the module where there are no symbols.
std::string place_text(const Frame &frame);

/// What stands behind the last slash.
std::string base_name(const std::string &path);

/// What a person calls the program: as it was started, which may be a link to a file of another name.
std::string program_name(const TraceInfo &trace);

/// Bytes as text, a dot for each that is no printable ASCII character.
std::string printable(const std::vector<uint8_t> &bytes);

/// "1 frame", "1,234 frames".
std::string plural(uint64_t n, std::string_view word);

std::string joined(const std::vector<std::string> &parts, std::string_view separator);

} // namespace unpaired
