// What the terminal that stdout may be can show.
#pragma once

#include <functional>
#include <string>

namespace unpaired {

/// Whether stdout is a terminal that has colours, and NO_COLOR (no-color.org) does not forbid them.
bool colour_wanted();

/// In columns, between 40 and 160; 100 where stdout is no terminal.
unsigned report_width();

/// What is wrong with a value of --links; "" if it is auto, on, off or a link with "{path}" in it.
std::string links_problem(const std::string &wish);

/// The link to a line of a source file as `wish` says, a value of --links; "" for a file that is not there. Holds
/// no function where nothing is to be linked: at `auto`, where stdout is no terminal or one known to print links as
/// garbage.
std::function<std::string(const std::string &file, int line)> source_links(const std::string &wish);

} // namespace unpaired
