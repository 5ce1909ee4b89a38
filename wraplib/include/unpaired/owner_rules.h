/* Owner rules, compiled: what the launcher hands to the recorder. C99, <stdint.h> only.
 *
 * The launcher turns `--owner 'mqtt_*=MQTT'` (functions), `'modbus/tcp*.c=MBUS'` (source files)
 * and `'libmodbus.so*=MBUS'` (modules) into ranges of addresses per build-id and patterns of file names. The
 * file is a header, then `n_modules` modules, `n_ranges` ranges, `n_patterns` patterns, each array as it stands.
 * The innermost frame of a stack that any rule covers decides; if several rules cover it, the lowest
 * priority number (the order on the command line). */
#ifndef UNPAIRED_OWNER_RULES_H
#define UNPAIRED_OWNER_RULES_H

#include "unpaired/trace_format.h"

#define UNPAIRED_RULES_MAGIC "UNPRULE1"
struct unpaired_rules_header {
    char magic[8];
    uint32_t n_modules, n_ranges, n_patterns, reserved;
};
struct unpaired_rules_module {
    uint8_t build_id_len, reserved[3];
    uint8_t build_id[20]; /* the first 20 bytes of it */
    uint32_t first_range, n_ranges;
};
struct unpaired_rules_range { /* sorted by start within a module; may overlap */
    uint64_t start, end;      /* the file's own virtual addresses, end exclusive */
    uint32_t owner, priority;
};
struct unpaired_rules_pattern { /* shell pattern (fnmatch: * and ?) on the last part of a module's path */
    uint32_t owner, priority;
    char pattern[120]; /* NUL-terminated */
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_rules_header) == 24, rules_header_is_24_bytes);
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_rules_module) == 32, rules_module_is_32_bytes);
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_rules_range) == 24, rules_range_is_24_bytes);
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_rules_pattern) == 128, rules_pattern_is_128_bytes);

#endif
