// The English of the report: what families, cycles and amounts are called. Passes that write sentences use it, and
// so do writers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

struct TraceInfo;

/// What a person calls `n` resources of a family: "socket", "sockets", "objects from new". The resource table
/// this analyzer was built with knows the names; a family it does not know is called by its own name.
std::string family_noun(std::string_view family, uint64_t n);

/// What should have been done with it: "closed", "freed", "destroyed"; "released" where nothing fits better.
std::string_view family_released(std::string_view family);

/// What doing it is called, `n` times: "close", "closes".
std::string_view family_release(std::string_view family, uint64_t n);

/// 1234567 as "1,234,567".
std::string grouped(uint64_t n);

/// Bytes: exact up to 9,999 ("140 B"), then with one decimal ("12.5 KiB").
std::string bytes_text(uint64_t bytes);

/// Seconds as a person says them: "0.3 s", "4 min 10 s", "2 h 3 min", "3 d 4 h".
std::string duration_text(double seconds);

/// What a person calls `n` of a trace's cycles: "reconnects" for marks of that name, "calls of serve_one" where a
/// function begins them, else "cycles".
std::string cycle_noun(const TraceInfo &trace, uint64_t n);

/// A function of the table as programs spell it: "_Znam" is "operator new[]", a C name is as it is.
std::string function_text(const std::string &function);

/// A C++ name for a line that has no room for all of it: where it is longer than `widest`, the arguments of templates
/// become "<...>" and, if that is not enough, the return type goes and the parameters become "(...)".
std::string shortened_name(const std::string &function, size_t widest);

/// "a, b and c".
std::string joined_and(const std::vector<std::string> &parts);

} // namespace unpaired
