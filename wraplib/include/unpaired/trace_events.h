/* Every acquisition and release of a shard, where that was asked for: the bytes of a trace's EVENTS extents (since 1.2),
 * beside trace_format.h. C99, <stdint.h> only; drawings in docs/trace-format.md. */
#ifndef UNPAIRED_TRACE_EVENTS_H
#define UNPAIRED_TRACE_EVENTS_H

#include "unpaired/trace_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An EVENTS extent begins with this; events follow, those of a shard in the order in which its thread recorded them,
 * extent after extent by `number`. Only a shard's own thread acquires its slots, so an acquisition is known by its
 * *ordinal*: the shard's first is 1. A release says how many the shard has acquired since (0: it was the last one).
 * What a thread of another shard releases is logged when the slot has come home; until then the slot itself says so
 * (UNPAIRED_SLOT_AWAY). */
struct unpaired_events {
    uint64_t acquired; /* ordinal of the last acquisition before this extent */
    uint32_t number;   /* of the shard's extents, those without events left out: 0, 1, ... */
    uint32_t time_ms;  /* times within are counted from here */
    uint32_t reserved[4];
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_events) == 32, events_header_is_32_bytes);

/* An event has 1 to 8 bytes: numbers of 7 bits a byte, lowest first, all but a number's last byte with the high bit
 * set. No event begins with a zero byte: that is the end of what was written, as are fewer than 8 bytes before the end
 * of the extent. The first byte is stored last, after the others and zeros up to the eighth.
 * The lowest two bits of the first number are one of these: */
enum unpaired_logged_event {
    UNPAIRED_LOGGED_ACQUIRED =
        0, /* the rest: the site. The size is that of the shard's last one from there */
    UNPAIRED_LOGGED_RELEASED = 1, /* the rest: how many were acquired since */
    UNPAIRED_LOGGED_ACQUIRED_SIZED =
        2,                    /* the rest: the site; then the size plus 1, or 0: as LOGGED_SIZE said */
    UNPAIRED_LOGGED_OTHER = 3 /* the rest, below 32: enum unpaired_logged_other; then one number. A reader
                                          skips those it does not know */
};
enum unpaired_logged_other {
    UNPAIRED_LOGGED_TIME = 1,   /* milliseconds since unpaired_events.time_ms, of what follows */
    UNPAIRED_LOGGED_SIZE = 2,   /* a size, for an event that follows; at most UNPAIRED_LOGGED_LARGEST */
    UNPAIRED_LOGGED_UNSEEN = 3, /* as RELEASED, but the release itself was not seen */
    UNPAIRED_LOGGED_LOST = 4,   /* as RELEASED, but an anomaly tells that it was lost */
    UNPAIRED_LOGGED_RESIZED =
        5, /* a live one, named as by RELEASED, now has the size that LOGGED_SIZE said */
    UNPAIRED_LOGGED_EARLIER =
        6, /* how many milliseconds before the present one CAME_HOMEs that follow happened */
    UNPAIRED_LOGGED_CAME_HOME = 7 /* as RELEASED, by a thread of another shard */
};
#define UNPAIRED_LOGGED_BYTES 8u
#define UNPAIRED_LOGGED_LARGEST ((UINT64_C(1) << 49) - 1) /* a number that fits behind one byte */

/* An event being made or read: its bytes as one little-endian word. */
struct unpaired_logged_event_word {
    uint64_t bytes;
    unsigned length;
};

/* Adds a number. Those of an event have UNPAIRED_LOGGED_BYTES together, for which the caller sees to it. */
static inline void unpaired_logged_event_put(struct unpaired_logged_event_word *event, uint64_t number)
{
    while (number >= 0x80u && event->length < UNPAIRED_LOGGED_BYTES - 1u) {
        event->bytes |= ((number & 0x7fu) | 0x80u) << (8u * event->length++);
        number >>= 7;
    }
    event->bytes |= (number & 0x7fu) << (8u * event->length++);
}

/* The number that begins at byte `length`, which then stands behind it. Of damaged bytes it may end at the eighth. */
static inline uint64_t unpaired_logged_event_get(struct unpaired_logged_event_word *event)
{
    uint64_t number = 0, byte;
    unsigned shift = 0;
    do {
        byte = event->bytes >> (8u * event->length++);
        number |= (byte & 0x7fu) << shift;
        shift += 7;
    } while ((byte & 0x80u) != 0 && event->length < UNPAIRED_LOGGED_BYTES);
    return number;
}

#ifdef __cplusplus
}
#endif
#endif
