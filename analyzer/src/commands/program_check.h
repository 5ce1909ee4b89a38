// Finds the program as execvp would, and tells beforehand whether the recorder can be loaded into it.
#pragma once

#include <string>

namespace unpaired {

/// The file that execvp(`program`) would start: `program` itself if it has a slash, else the first executable
/// of that name in PATH. Throws Trouble if there is none, with the reason (not found, a directory, no permission).
std::string find_program(const std::string &program);

/// Throws Trouble if the dynamic loader will not load a library into `file` for the asking: a static program,
/// another machine's, another C library's, or one that gains privileges when it starts. A script is judged by
/// its interpreter. `name` is what messages call it.
void require_recordable(const std::string &file, const std::string &name);

} // namespace unpaired
