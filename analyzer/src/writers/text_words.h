// The words of the text report: nouns and verbs for families, numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// What a person calls `n` resources of a family: "socket", "sockets", "objects from new". The resource table
/// this analyzer was built with knows the names; a family it does not know is called by its own name.
std::string family_noun(std::string_view family, uint64_t n);

/// What should have been done with it: "closed", "freed", "destroyed"; "released" where nothing fits better.
std::string_view family_released(std::string_view family);

/// 1234567 as "1,234,567".
std::string grouped(uint64_t n);

/// Bytes: exact up to 9,999 ("140 B"), then with one decimal ("12.5 KiB").
std::string bytes_text(uint64_t bytes);

/// Seconds as a person says them: "0.3 s", "4 min 10 s", "2 h 3 min", "3 d 4 h".
std::string duration_text(double seconds);

/// "EINVAL", or "errno 4711" for a number without a name.
std::string errno_name(int error);

/// "SIGABRT", or "signal 47" for a number without a name.
std::string signal_name(int signal);

/// C++ names as declared, others as they are: "_Znam" is "operator new[]".
std::string function_text(const std::string &function);

/// What stands behind the last slash.
std::string base_name(const std::string &path);

/// Bytes as text, a dot for each that is no printable ASCII character.
std::string printable(const std::vector<uint8_t> &bytes);

/// "1 frame", "1,234 frames".
std::string plural(uint64_t n, std::string_view word);

std::string joined(const std::vector<std::string> &parts, std::string_view separator);

} // namespace unpaired
