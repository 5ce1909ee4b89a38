// Values of options: reading them, and checks with one sentence for a value that is none.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace unpaired {

/// One of `known`, which are few: "there is no severity 'bogus'; known are leak, note and suspect".
CLI::Validator one_of(const std::string &what, const std::set<std::string> &known);

/// A number from `low` to `high`.
CLI::Validator number_in(double low, double high);

/// A whole number from `low` to `high`.
CLI::Validator whole_number_in(uint64_t low, uint64_t high);

/// A number above 0, or a size.
struct Amount {
    uint64_t value = 0; ///< in ones, or in bytes
    std::string unit;   ///< as it was given: "", "B", "K", "M", "G"
};

/// Digits, then perhaps a unit: "256K". Nothing if it is none, is 0, or does not fit into 64 bits.
std::optional<Amount> parse_amount(std::string_view text);

/// All of a text file. Throws Trouble that begins with `cannot`, such as "cannot read", if it cannot be read.
std::string read_text_file(const std::string &path, std::string_view cannot = "cannot read");

/// A folder, or a file that is no folder, that is there.
CLI::Validator folder_that_is_there();
CLI::Validator file_that_is_there();

} // namespace unpaired
