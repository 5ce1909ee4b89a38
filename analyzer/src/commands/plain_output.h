// Output for a terminal or a pipe that is not a report.
#pragma once

#include "writers/utf8.h"

#include <fmt/format.h>
#include <utility>

namespace unpaired {

/// Prints to stdout as fmt::print() does. Names of programs and files in it steer no terminal.
template <class... Values> void print_plain(fmt::format_string<Values...> format, Values &&...values)
{
    fmt::print("{}", printable_utf8(fmt::format(format, std::forward<Values>(values)...)));
}

} // namespace unpaired
