// What is said of a command line that cannot be parsed.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace unpaired {

/// CLI11 would take --keep=3, and --all=false.
void take_no_values(CLI::App &command);

/// "unknown option '--fomat'; did you mean --format? (see unpaired report --help)".
std::string unknown_option(const CLI::App &command, const std::string &word);

/// One sentence for what CLI11 found wrong with `arguments`, and what to do. `command` is the one that they name,
/// nullptr if they name none.
std::string usage_error(const CLI::App &app, const CLI::App *command,
                        const std::vector<std::string> &arguments, const CLI::ParseError &error);

} // namespace unpaired
