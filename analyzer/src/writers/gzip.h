#pragma once

#include <string>
#include <string_view>

namespace unpaired {

/// `data` as a gzip file (RFC 1952) without a name and a time: equal data packs to equal bytes. Throws
/// std::bad_alloc.
std::string gzipped(std::string_view data);

} // namespace unpaired
