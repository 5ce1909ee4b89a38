/* What the firmware recorder keeps in RAM: the ledger of a device. C99, <stdint.h> only; written by wraplib/src,
 * read from RAM images, live or dead, by the analyzer.
 *
 * One static object, `unpaired_ram`: a root that tells the layout, and behind it the tables, each at the offset
 * from the root that the root gives. A block of memory is not in a table: it carries its own header
 * (owner_tag.h), which names its site. Everything is little-endian; an "address" has address_size bytes (4 or
 * 8), as has the natural alignment. The object lies in .bss and sets itself up at the first hooked call. */
#ifndef UNPAIRED_RAM_IMAGE_H
#define UNPAIRED_RAM_IMAGE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UNPAIRED_RAM_MAGIC "UNPAIRAM" /* 8 bytes; stored when the tables are ready */
#define UNPAIRED_RAM_VERSION 1

/* Why something is not in the tables; index into unpaired_root.drops. */
enum unpaired_ram_drop {
    UNPAIRED_RAM_DROP_SITE = 0,    /* acquisitions whose site found no room: they are under site 0 */
    UNPAIRED_RAM_DROP_HANDLE = 1,  /* handles that found no room: their release will be unknown */
    UNPAIRED_RAM_DROP_ANOMALY = 2, /* anomalies that found no room */
    UNPAIRED_RAM_DROP_EVENT = 3,   /* events that the ring or the sink lost before they left */
    UNPAIRED_RAM_DROPS = 4
};

/* ---- frames ------------------------------------------------------------------------------------------ */

/* A stack is what a scan found: the return address of the hooked call, and then each word on the stack, upwards
 * from the caller's, that may be a return address because it points behind a call instruction. Some are stale.
 * The analyzer keeps those that the debug information's frame rules (.debug_frame) confirm.
 *
 * One such word, packed: bits 0 to offset_bits - 1 are (return address - text_low) / unit, the Thumb bit
 * removed; the bits above are its distance on the stack in words of address_size from the word before it, for
 * the first from the CFA of the hook, that is the value the stack pointer had before the call; 0 for the return
 * address of the hooked call itself, which is always there and always true. */
#define UNPAIRED_FRAME_OFFSET_BITS_32 21 /* 4 MiB of code where the unit is 2 bytes, gaps up to 2,047 words */
#define UNPAIRED_FRAME_OFFSET_BITS_64 48

/* ---- sites ------------------------------------------------------------------------------------------- */

/* A call site on behalf of an owner. Free: function 0. Never evicted while live > 0; a dead one may be reused,
 * and then has another generation. Its number is its index + 1. */
struct unpaired_ram_site { /* + frames[layout.frames], words of layout.address_size bytes, innermost first */
    uint32_t owner;
    uint8_t function, family; /* ids of the dictionary */
    uint8_t depth;            /* frames in use: bits 0 to 4; enum unpaired_owner_source: bits 5 to 7 */
    uint8_t generation;
    uint32_t acquired; /* since the site was interned */
    uint32_t live;
};
#define UNPAIRED_RAM_SITE_DEPTH_MASK 31u
#define UNPAIRED_RAM_SITE_SOURCE_SHIFT 5

/* ---- handles ----------------------------------------------------------------------------------------- */

/* What is live and is not memory. Free: packed 0. Open addressing; order means nothing. */
struct unpaired_ram_handle_32 {
    uint32_t handle;
    uint32_t packed;    /* bits 0 to 11: site, never 0 in use; bits 12 to 31: unpaired_sequence_pack() */
    uint8_t observed;   /* function id of the last observer (lwip_shutdown), 0: none */
    uint8_t failed;     /* releases that failed while it stayed live, saturating */
    uint8_t generation; /* counts the uses of this entry */
    uint8_t space;
};
struct unpaired_ram_handle_64 {
    uint64_t handle;
    uint32_t packed;
    uint8_t observed, failed, generation, space;
};
/* A handle whose site found no room is kept under the last site number, 0xfff. */
#define UNPAIRED_RAM_NO_SITE 0xfffu

/* ---- anomalies --------------------------------------------------------------------------------------- */

/* Facts of kind enum unpaired_anomaly_kind (trace_format.h), counted up for each distinct (kind, function,
 * acquire_site, place, result). Free: kind 0. */
struct unpaired_ram_anomaly_32 {
    uint8_t kind, function;
    uint8_t observed; /* the observer before it (lwip_shutdown), 0: none */
    uint8_t space;
    uint32_t place; /* return address of the call that failed or did it, the Thumb bit removed */
    uint16_t acquire_site;
    int16_t result; /* clamped */
    uint32_t count;
};
struct unpaired_ram_anomaly_64 {
    uint8_t kind, function, observed, space;
    uint16_t acquire_site;
    int16_t result;
    uint64_t place;
    uint32_t count;
    uint32_t reserved;
};

/* ---- the root ---------------------------------------------------------------------------------------- */

/* Offsets are from the root's beginning. A table that is not there has a count of 0. */
struct unpaired_root_layout {
    uint8_t address_size;                      /* 4 or 8 */
    uint8_t frames;                            /* per site */
    uint8_t frame_offset_bits;                 /* UNPAIRED_FRAME_OFFSET_BITS_* */
    uint8_t frame_unit;                        /* 1 or 2 */
    uint16_t sites, handles, anomalies, marks; /* entries of each table; a mark is the uint32_t sequence
                                                  number of the first acquisition of its cycle, from 0 */
    uint32_t site_offset, handle_offset, anomaly_offset, mark_offset;
};
#define UNPAIRED_ROOT_FIELDS(address)                                                                  \
    char magic[8]; /* UNPAIRED_RAM_MAGIC, once the tables are ready */                                 \
    uint16_t version, size;                                                                            \
    struct unpaired_root_layout layout;                                                                \
    uint32_t sequence;     /* acquisitions so far */                                                   \
    uint32_t time_ms;      /* the clock port's last answer; 0: there is no clock */                    \
    uint32_t cycle;        /* marks so far */                                                          \
    uint16_t marks_used;   /* in the mark table */                                                     \
    uint16_t marks_stride; /* entry i is the beginning of cycle (i + 1) * stride; doubles when full */ \
    uint32_t drops[UNPAIRED_RAM_DROPS];                                                                \
    uint8_t sequence_shift, reserved[3];                                                               \
    uint32_t site_changes; /* sites interned so far: the recorder's own */                             \
    address text_low;      /* what frames are relative to */                                           \
    address text_high;     /* end of code; equal to text_low: unknown, frames hold the caller alone */ \
    address build_id       /* of the ELF note (Elf32_Nhdr) of the linker's --build-id, 0: none */

struct unpaired_root_32 {
    UNPAIRED_ROOT_FIELDS(uint32_t);
};
struct unpaired_root_64 {
    UNPAIRED_ROOT_FIELDS(uint64_t);
};

#ifdef __cplusplus
}
#endif
#endif
