// The words of the text report beside those of words.h: times, names of errors and signals, lines.
#pragma once

#include "words.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// Seconds as a person says them: "0.3 s", "4 min 10 s", "2 h 3 min", "3 d 4 h".
std::string duration_text(double seconds);

/// The same of a guess, in one unit: "45 s", "20 min", "2 h", "3 days".
std::string rough_duration_text(double seconds);

/// What grows by cycles: "2 per reconnect", "one in about 4 reconnects".
std::string rate_text(double per_cycle, const TraceInfo &trace);

/// "EINVAL", or "errno 4711" for a number without a name.
std::string errno_name(int error);

/// "SIGABRT", or "signal 47" for a number without a name.
std::string signal_name(int signal);

/// Names of C++ that are longer are shortened where lines are of a width.
constexpr size_t widest_name = 44;

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
