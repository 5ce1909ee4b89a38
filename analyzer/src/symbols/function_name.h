// Names of functions: from the linker's spelling to the source's.
#pragma once

#include <string>
#include <string_view>

namespace unpaired {

/// The C++ (or old Rust) name behind a symbol, without what the compiler appended to either (.isra.0, .cold,
/// [clone ...]) and without glibc's prefix of hidden aliases (__GI_); any other name comes back as it is.
std::string demangle(std::string_view symbol);

/// The scoped name alone: "app::Server::inner<long>" of "void *app::Server::inner<long>(long) const". A C name
/// comes back as it is.
std::string_view qualified_name(std::string_view demangled);

} // namespace unpaired
