// What a project without CMake needs to link wraplib: flags, settings, sources.
#pragma once

#include <string>
#include <vector>

namespace unpaired {

struct WrapChoice {
    std::vector<std::string> families; ///< names of wrap_families.h
    std::string port, sink;            ///< names in wraplib/ports; "none" for no sink
    std::string user_rows;             ///< rows for UNPAIRED_USER_RESOURCES_FILE; "" for none
    std::vector<std::string> user_functions;
};

/// Where wraplib's sources are: beside this program, in the build tree or in the installed one. Throws Trouble.
std::string wraplib_folder();

/// Throws Trouble for a family, port or sink that is not there, naming those that are.
void check_wrap_choice(const WrapChoice &choice, const std::string &wraplib);

/// Writes into `folder`, which is made if need be: unpaired_wrap.rsp for -Wl,@, unpaired_config.h, unpaired.mk for
/// make, and unpaired_build_id.ld, unpaired_user.def. Throws Trouble.
void write_wrap_files(const WrapChoice &choice, const std::string &wraplib, const std::string &folder);

/// The same facts for a person or another build system, on stdout.
void print_wrap_files(const WrapChoice &choice, const std::string &wraplib);

} // namespace unpaired
