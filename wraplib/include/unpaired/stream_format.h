/* What a firmware recorder sends while it runs: records as in a trace's log (trace_format.h: 8-byte header with
 * sync, type, length and check; 8-byte aligned lengths; little-endian), one behind the other, without a file
 * around them. C99, <stdint.h> only.
 *
 * A stream may be cut at any byte at both ends and damaged in between: every record can be understood alone,
 * with the ELF file of the firmware beside it, and call sites are told again and again. The names behind the
 * ids (spaces, families, functions) are not sent but stand in the ELF file, section `.unpaired_dictionary`,
 * which occupies no memory of the device. It is text, one line each, in the order of their ids, which count
 * from 1 for each letter:
 *
 *   unpaired 1                          version of these lines
 *   S heap NUMBERED                     a space and its kind
 *   F heap heap heap block              a family, its space, what a person calls it
 *   A malloc heap                       an acquirer and its family          } one numbering for the
 *   M fdopen stream                     one that moves a handle, likewise   } functions of all
 *   R free heap                         a releaser and its space            } roles
 *   O shutdown fd                       an observer and its space           }
 *   L execve                            hooked, but acquires nothing        }
 *   P fclose stream                     a releaser that serves only the families named so
 *
 * Records of a stream: those below, and MARK, THREAD, ANOMALY and END of trace_format.h with image 1. */
#ifndef UNPAIRED_STREAM_FORMAT_H
#define UNPAIRED_STREAM_FORMAT_H

#include "unpaired/trace_format.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UNPAIRED_STREAM_VERSION 1

/* Continue enum unpaired_record_type; never in the log of a trace file. */
enum unpaired_stream_record_type {
    UNPAIRED_RECORD_STREAM = 64,
    UNPAIRED_RECORD_SCAN_SITE = 65,
    UNPAIRED_RECORD_EVENT = 66,
    UNPAIRED_RECORD_EVENT_64 = 67,
    UNPAIRED_RECORD_CLOCK = 68
};

/* STREAM: the recorder began here. Sent when recording starts; what came before it on the same line is an
 * earlier run of the device. */
struct unpaired_record_stream {
    uint16_t version; /* UNPAIRED_STREAM_VERSION */
    uint8_t address_size, reserved;
    uint16_t build_id_len, reserved1;
}; /* + build-id, raw bytes */

/* SCAN_SITE: defines a site's number from here on. Sent when the site is interned, and again from time to time
 * for all sites in turn (then with the same generation). */
struct unpaired_record_scan_site {
    uint16_t site;
    uint8_t generation;
    uint8_t depth;            /* frames that follow */
    uint8_t function, family; /* ids of the dictionary */
    uint8_t owner_source;     /* enum unpaired_owner_source */
    uint8_t frame_offset_bits, frame_unit;
    uint8_t frame_size; /* 4 or 8 bytes each */
    uint16_t reserved;
    uint32_t owner;
    uint64_t text_low; /* 4-byte aligned is enough on 32-bit machines: copied, not accessed, by readers */
};                     /* + frames as in ram_image.h */

enum unpaired_event {
    UNPAIRED_EVENT_ACQUIRE = 1,        /* place: bits 0 to 15 the site, bits 24 to 31 its generation */
    UNPAIRED_EVENT_ACQUIRE_AT = 2,     /* the site found no room; place: return address of the call */
    UNPAIRED_EVENT_ACQUIRE_FAILED = 3, /* place: return address; handle: 0 */
    UNPAIRED_EVENT_RELEASE = 4,
    UNPAIRED_EVENT_RELEASE_FAILED = 5,  /* failed, and the resource still exists */
    UNPAIRED_EVENT_RELEASE_ERROR = 6,   /* reported an error, and the resource is gone */
    UNPAIRED_EVENT_RELEASE_UNKNOWN = 7, /* not live as far as the recorder knows */
    UNPAIRED_EVENT_DOUBLE_RELEASE = 8,  /* a block whose header says released */
    UNPAIRED_EVENT_TAG_OVERWRITTEN = 9, /* reserved: a header cannot be told from none */
    UNPAIRED_EVENT_OBSERVE = 10,
    UNPAIRED_EVENT_REINITIALISED =
        11 /* an in-place object that was live was initialised again: now released */
};
/* EVENT: something happened to a handle. For all but ACQUIRE the place is the return address of the call, the
 * Thumb bit removed, 0 if not known. A realloc that moves is a RELEASE and an ACQUIRE. */
struct unpaired_record_event {
    uint8_t what; /* enum unpaired_event */
    uint8_t function;
    uint16_t number; /* counts the events from 0, modulo 2^16: a gap tells how many are missing */
    uint32_t handle;
    uint32_t place;
    uint32_t value; /* ACQUIRE*: bytes asked for; others: what the function returned */
};
struct unpaired_record_event_64 {
    uint8_t what, function;
    uint16_t number;
    uint32_t value;
    uint64_t handle, place;
};

/* CLOCK: the time, when it moved on, and what has been lost on the device so far. */
struct unpaired_record_clock {
    uint32_t time_ms, cycle;
    uint32_t drops[4]; /* enum unpaired_ram_drop of ram_image.h */
};

#ifdef __cplusplus
}
#endif
#endif
