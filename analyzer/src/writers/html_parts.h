// The files of writers/html, embedded by the build.
#pragma once

#include <string_view>

namespace unpaired {

extern const std::string_view html_page, html_style, html_script;

} // namespace unpaired
