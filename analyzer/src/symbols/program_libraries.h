// Which files a program will be made of.
#pragma once

#include <string>
#include <vector>

namespace unpaired {

/// The shared libraries that `program` needs, loader included, by path, in load order, as its own loader
/// (PT_INTERP) finds them in the present environment. Empty if it is static, not an ELF file, or its loader
/// does not answer in time; what is loaded by dlopen is not among them.
std::vector<std::string> libraries_of(const std::string &program);

} // namespace unpaired
