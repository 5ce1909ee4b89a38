// What --help looks like, on the executable and on each command.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace unpaired {

/// Options in their groups, descriptions wrapped, the usage line as it is meant to be typed, examples last.
class HelpFormatter : public CLI::FormatterBase {
public:
    std::string make_help(const CLI::App *app, std::string name, CLI::AppFormatMode mode) const override;
};

} // namespace unpaired
