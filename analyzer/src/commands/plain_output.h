// Output other than a report, for a terminal or a pipe.
#pragma once

#include "writers/utf8.h"

#include <fmt/format.h>
#include <utility>

namespace unpaired {

/// Prints to stdout as fmt::print() does. Escapes control characters, which names of programs and files may contain.
template <class... Values> void print_plain(fmt::format_string<Values...> format, Values &&...values)
{
    fmt::print("{}", printable_utf8(fmt::format(format, std::forward<Values>(values)...)));
}

} // namespace unpaired
