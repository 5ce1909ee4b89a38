#include "commands/option_values.h"

#include "commands/trouble.h"
#include "near_names.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <system_error>

namespace unpaired {
namespace {

/// A number of type `Number`, all of `text`, within the bounds.
template <class Number> bool lies_within(const std::string &text, Number low, Number high)
{
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value >= low && value <= high;
}

} // namespace

CLI::Validator one_of(const std::string &what, const std::set<std::string> &known)
{
    return {[what, known](const std::string &given) {
                return known.contains(given) ? std::string() : no_such(what, given, known);
            },
            "", what};
}

CLI::Validator number_in(double low, double high)
{
    return {[low, high](const std::string &given) {
                return lies_within(given, low, high)
                           ? std::string()
                           : fmt::format("'{}' is no number from {} to {}", given, low, high);
            },
            "", "number"};
}

CLI::Validator whole_number_in(uint64_t low, uint64_t high)
{
    return {[low, high](const std::string &given) {
                if (lies_within(given, low, high))
                    return std::string();
                return high == UINT64_MAX
                           ? fmt::format("'{}' is no whole number from {} on", given, low)
                           : fmt::format("'{}' is no whole number from {} to {}", given, low, high);
            },
            "", "whole number"};
}

std::optional<Amount> parse_amount(std::string_view text)
{
    Amount amount;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount.value);
    amount.unit = text.substr(static_cast<size_t>(end - text.data()));
    const unsigned shift = amount.unit == "K" ? 10 : amount.unit == "M" ? 20 : amount.unit == "G" ? 30 : 0;
    const bool known = shift > 0 || amount.unit.empty() || amount.unit == "B";
    if (error != std::errc() || amount.value == 0 || !known || amount.value > UINT64_MAX >> shift)
        return std::nullopt;
    amount.value <<= shift;
    return amount;
}

std::string read_text_file(const std::string &path, std::string_view cannot)
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        throw Trouble(fmt::format("{} '{}': it is a folder.", cannot, path));
    std::ifstream file(path, std::ios::binary);
    if (!file)
        throw Trouble(fmt::format("{} '{}': {}.", cannot, path, std::strerror(errno)));
    return {std::istreambuf_iterator<char>(file), {}};
}

CLI::Validator folder_that_is_there()
{
    return {[](const std::string &given) {
                std::error_code error;
                if (std::filesystem::is_directory(given, error))
                    return std::string();
                return std::filesystem::exists(given, error) ? fmt::format("'{}' is no folder", given)
                                                             : fmt::format("there is no folder '{}'", given);
            },
            "", "folder"};
}

CLI::Validator file_that_is_there()
{
    return {[](const std::string &given) {
                std::error_code error;
                if (std::filesystem::is_directory(given, error))
                    return fmt::format("'{}' is a folder", given);
                return std::filesystem::exists(given, error) ? std::string()
                                                             : fmt::format("there is no file '{}'", given);
            },
            "", "file"};
}

} // namespace unpaired
