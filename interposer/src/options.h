// What the environment asks for: UNPAIRED_OUTPUT and UNPAIRED_OPTIONS.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unpaired {

struct Options {
    const char *output = nullptr; ///< nullptr: do not record
    uint64_t max_trace = uint64_t{1} << (sizeof(void *) == 8 ? 30 : 26);
    bool locks = true;
    char cycle[128] = {}; ///< --cycle=NAME: the function whose calls begin cycles; "" for none
    bool reachability = true;
    bool frame_pointers = false; ///< --walk=frame-pointers
    bool every_event = false;    ///< --every-event: log each acquisition and release
    char rules[4096] = {}; ///< --owner-rules=FILE: compiled by the launcher (owner_rules.h); "" for none
};

/// Reads the environment itself: getenv(3) may be the program's own, and setuid programs get nothing.
/// False: libc is not initialised yet.
bool read_options(Options &options);

/// "64M", "1G", "4096": bytes; 0 if it is none.
uint64_t parse_size(const char *text, size_t length);

} // namespace unpaired
