// Properties of a terminal by its descriptor: colours, width and links.
#pragma once

#include <functional>
#include <string>

namespace unpaired {

/// Returns true if the descriptor is a terminal that has colours, and NO_COLOR (no-color.org) does not forbid them.
bool colour_wanted(int fd);

/// Returns the terminal's columns, between 40 and 160, or 100 if the descriptor is not a terminal.
unsigned report_width(int fd);

/// What is wrong with a value of --links; "" if it is auto, on, off or a link with "{path}" in it.
std::string links_problem(const std::string &wish);

/// Returns a function that makes the link to a line of a source file; it returns "" for a file that does not exist.
/// `wish` is a value of --links. Returns an empty function if there must be no links: with `auto`, if the descriptor
/// is not a terminal or is one that prints links as garbage.
std::function<std::string(const std::string &file, int line)> source_links(const std::string &wish, int fd);

} // namespace unpaired
