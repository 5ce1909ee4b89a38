// Colours, width and links of a terminal, by its descriptor.
#pragma once

#include <functional>
#include <string>

namespace unpaired {

/// Returns whether the descriptor is a terminal that has colours, and NO_COLOR (no-color.org) does not forbid them.
bool colour_wanted(int fd);

/// Returns the terminal's columns, between 40 and 160; 100 where the descriptor is no terminal.
unsigned report_width(int fd);

/// What is wrong with a value of --links; "" if it is auto, on, off or a link with "{path}" in it.
std::string links_problem(const std::string &wish);

/// Returns a function that makes the link to a line of a source file as `wish` says, a value of --links: "" for a file
/// that is not there. Returns no function where nothing is to be linked: at `auto`, where the descriptor is no terminal
/// or one known to print links as garbage.
std::function<std::string(const std::string &file, int line)> source_links(const std::string &wish, int fd);

} // namespace unpaired
