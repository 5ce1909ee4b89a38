/* Owner magics and the tag written into every heap block. C99, <stdint.h> only; read by the recorders that
 * write tags and by the post-mortem scanner that finds them. Two layouts, one for each way in.
 *
 * Linux: the last 24 bytes of a block's usable size (malloc_usable_size), so the pointer never moves:
 *
 *   +0  owner  4   four characters, e.g. 'M' 'Q' 'T' 'T'
 *   +4  size   4   bytes asked for; 0xffffffff: that or more
 *   +8  site   8   return address of the call
 *   +16 slot   4   reference of the ledger slot (trace_format.h); 0: not recorded
 *   +20 check  4   over all of it and the block's address
 *
 * A release zeroes the owner and stores the *released* check, so that a second release can be told from a
 * foreign block.
 *
 * Firmware: 16 bytes before the block, which begins `distance` bytes behind what the real allocator gave:
 *
 *   +0  owner  4   as above
 *   +4  size   4   bits 0 to 23: bytes asked for, 0xffffff: that or more;
 *                  bits 24 to 31: distance / 8; 255: the distance in bytes is the word before the header
 *   +8  site   4   bits 0 to 11: call site (ram_image.h), 0: found no room; bits 12 to 31: when, see
 *                  unpaired_sequence_pack()
 *   +12 check  4   over the three words before and the block's address
 *
 * A release zeroes the owner and stores the released check over site and address alone: allocators keep their
 * free list in the first words of what they were given back. */
#ifndef UNPAIRED_OWNER_TAG_H
#define UNPAIRED_OWNER_TAG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An owner as a number: first character in the lowest byte, padded with blanks. 0 is no owner. */
#define UNPAIRED_OWNER(a, b, c, d)                                                         \
    ((uint32_t)(uint8_t)(a) | (uint32_t)(uint8_t)(b) << 8 | (uint32_t)(uint8_t)(c) << 16 | \
     (uint32_t)(uint8_t)(d) << 24)

/* The owner of at most the first four characters of `name`; a shorter one is padded with blanks. */
static inline uint32_t unpaired_owner_from_magic(const char *name)
{
    uint32_t owner = 0;
    int i, ended = 0;
    for (i = 0; i < 4; i++) {
        ended = ended || name[i] == '\0';
        owner |= (uint32_t)(uint8_t)(ended ? ' ' : name[i]) << (8 * i);
    }
    return owner;
}

/* A magic made from a thread's or module's name: its first four letters and digits, in capitals, without a
 * leading directory and "lib". "mqtt_rx" gives MQTT, "/usr/lib/libmodbus.so.5" MODB. 0 if it has none. */
static inline uint32_t unpaired_owner_from_name(const char *name)
{
    const char *p, *base = name;
    uint32_t owner = 0;
    int n = 0;
    for (p = name; *p; p++)
        if (*p == '/')
            base = p + 1;
    if (base[0] == 'l' && base[1] == 'i' && base[2] == 'b' && base[3] != '\0' && base[3] != '.')
        base += 3;
    for (p = base; *p && *p != '.' && n < 4; p++) {
        char c = *p;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            owner |= (uint32_t)(uint8_t)c << (8 * n++);
    }
    if (n == 0)
        return 0;
    while (n < 4)
        owner |= (uint32_t)' ' << (8 * n++);
    return owner;
}

struct unpaired_trailer {
    uint32_t owner, size;
    uint64_t site;
    uint32_t slot, check;
};
#define UNPAIRED_TRAILER_SIZE 24u

#define UNPAIRED_TAG_LIVE 0x756e7061u
#define UNPAIRED_TAG_RELEASED 0x64656164u

/* Check word of a trailer; `state` is UNPAIRED_TAG_LIVE or UNPAIRED_TAG_RELEASED, `block` the block's address. */
static inline uint32_t unpaired_trailer_check(const struct unpaired_trailer *tag, uint64_t block,
                                              uint32_t state)
{
    uint64_t a = ((uint64_t)tag->size << 32 | tag->owner) ^ block;
    a = (a ^ (a >> 29)) * UINT64_C(0x9e3779b97f4a7c15);
    a = (a ^ tag->site ^ ((uint64_t)state << 32 | tag->slot)) * UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(a >> 32) | 1u;
}

/* ---- firmware ---------------------------------------------------------------------------------------- */

struct unpaired_block_header {
    uint32_t owner, size, site, check;
};
#define UNPAIRED_HEADER_SIZE 16u
#define UNPAIRED_HEADER_SIZE_MASK 0xffffffu
#define UNPAIRED_HEADER_DISTANCE_SHIFT 24
#define UNPAIRED_HEADER_DISTANCE_FAR 255u /* the distance in bytes is the 32-bit word before the header */
#define UNPAIRED_HEADER_SITE_BITS 12
#define UNPAIRED_HEADER_SITE_MASK 0xfffu

/* The check words below are linear, for a device computes them in every call. The factor is odd, so that a change of any
 * one word always changes them. */
#define UNPAIRED_HEADER_FACTOR 0x9e3779b1u

/* Check word of a live block's header; `block` is the block's address, of which the lower 32 bits count. */
static inline uint32_t unpaired_header_check(uint32_t owner, uint32_t size, uint32_t site, uint32_t block)
{
    return (site * UNPAIRED_HEADER_FACTOR + block + owner) * UNPAIRED_HEADER_FACTOR + size;
}

/* Check word of a released block's header, whose first two words may be anything. */
static inline uint32_t unpaired_header_check_released(uint32_t site, uint32_t block)
{
    return ~((site * UNPAIRED_HEADER_FACTOR + block) * UNPAIRED_HEADER_FACTOR);
}

/* A sequence number of 20 bits that never wraps: 16 bits of mantissa, 4 of exponent above them. Exact up to
 * 65,535, then coarser by a factor of two as the numbers double: the ages of survivors need no more. Order is
 * kept: a later acquisition never has a lower number. `shift` is 0 at first; the recorder raises it by one as
 * soon as `sequence >> shift` would exceed 0xffff. */
static inline uint32_t unpaired_sequence_pack(uint32_t sequence, uint32_t shift)
{
    return shift << 16 | (sequence >> shift);
}
static inline uint32_t unpaired_sequence_unpack(uint32_t packed)
{
    return (packed & 0xffffu) << (packed >> 16 & 15u);
}

#ifdef __cplusplus
}
#endif
#endif
