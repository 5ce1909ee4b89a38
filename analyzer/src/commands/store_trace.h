// A trace put to rest: its used pages only, compressed.
#pragma once

#include <cstdint>
#include <string>

namespace unpaired {

/// Copies the used pages of the raw trace at `from` to the file `to`, zstd-compressed, and returns the number of
/// bytes written. `to` appears when it is complete, or not at all; one that was there is replaced. A trace that
/// is still being written is copied as it is at that time. Throws Trouble.
uint64_t store_trace(const std::string &from, const std::string &to);

/// Throws Trouble if a file cannot be made at `path` (no such folder, no permission, a folder of that name).
void require_writable_place(const std::string &path);

} // namespace unpaired
