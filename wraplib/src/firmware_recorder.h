/* The inside of the firmware recorder: its tables, and what the hooks call. C99. Everything here may be called
 * from interrupts and from any task. Tables are changed between unpaired_port_lock() and unpaired_port_unlock()
 * alone; what is searched outside is verified inside. */
#ifndef UNPAIRED_FIRMWARE_RECORDER_H
#define UNPAIRED_FIRMWARE_RECORDER_H

#include "table.h"

#include "unpaired/owner_tag.h"
#include "unpaired/port.h"
#include "unpaired/ram_image.h"
#include "unpaired/stream_format.h"

#include <stddef.h>
#include <stdint.h>

/* 1: blocks of 16 MiB and more can be resized too. */
#ifndef UNPAIRED_HUGE_BLOCKS
#if UINTPTR_MAX > 0xffffffffu || defined(__linux__)
#define UNPAIRED_HUGE_BLOCKS 1
#else
#define UNPAIRED_HUGE_BLOCKS 0
#endif
#endif
/* ---- where a hook was called --------------------------------------------------------------------------- */

/* What the shared bodies are told of the call, and how a hook says it: the return address, and with a stack scan
 * the CFA, that is the stack pointer before the call. */
#if defined(__XTENSA__) && !defined(__XTENSA_CALL0_ABI__)
/* Xtensa ISA, 4.7.1.4: the two highest bits of a return address hold the window increment of the call. */
#define UNPAIRED_CALLER                                                                               \
    ((uintptr_t)__builtin_return_address(0) & 0x3fffffffu) | /* and those of the code's own region */ \
        ((uintptr_t)&unpaired_set_up & 0xc0000000u)
#else
#define UNPAIRED_CALLER (uintptr_t) __builtin_return_address(0)
#endif
/* Hooks hand the address on as it is; in Thumb code its lowest bit is set. */
#if defined(__thumb__)
#define UNPAIRED_PLACE(caller) ((caller) & ~(uintptr_t)1)
#else
#define UNPAIRED_PLACE(caller) (caller)
#endif
#if UNPAIRED_FRAMES > 1
#define UNPAIRED_CALL_PARAMETERS uintptr_t caller, const uintptr_t *cfa
#define UNPAIRED_CALL_HERE UNPAIRED_CALLER, (const uintptr_t *)__builtin_dwarf_cfa()
#define UNPAIRED_CALL_PASSED caller, cfa
#else
#define UNPAIRED_CALL_PARAMETERS uintptr_t caller
#define UNPAIRED_CALL_HERE UNPAIRED_CALLER
#define UNPAIRED_CALL_PASSED caller
#endif

/* ---- the tables ---------------------------------------------------------------------------------------- */

#if UINTPTR_MAX > 0xffffffffu
typedef struct unpaired_root_64 unpaired_root;
typedef struct unpaired_ram_handle_64 unpaired_handle;
typedef struct unpaired_ram_anomaly_64 unpaired_anomaly;
typedef struct unpaired_record_event_64 unpaired_event_entry;
#define UNPAIRED_RECORD_EVENT_HERE UNPAIRED_RECORD_EVENT_64
#define UNPAIRED_OFFSET_BITS UNPAIRED_FRAME_OFFSET_BITS_64
#else
typedef struct unpaired_root_32 unpaired_root;
typedef struct unpaired_ram_handle_32 unpaired_handle;
typedef struct unpaired_ram_anomaly_32 unpaired_anomaly;
typedef struct unpaired_record_event unpaired_event_entry;
#define UNPAIRED_RECORD_EVENT_HERE UNPAIRED_RECORD_EVENT
#define UNPAIRED_OFFSET_BITS UNPAIRED_FRAME_OFFSET_BITS_32
#endif
/* The machines whose call instructions the scan knows; Thumb and RISC-V code is a row of 2-byte units. */
#if defined(__thumb__) || defined(__riscv)
#define UNPAIRED_FRAME_UNIT 2u
#else
#define UNPAIRED_FRAME_UNIT 1u
#endif
#define UNPAIRED_FRAME_WINDOW ((uintptr_t)UNPAIRED_FRAME_UNIT << UNPAIRED_OFFSET_BITS)

/* struct unpaired_ram_site with its second word in one piece: function, family, depth and owner source, generation,
 * from the lowest byte up. */
struct unpaired_site {
    uint32_t owner, head, acquired, live;
    uintptr_t frame[UNPAIRED_FRAMES];
};
UNPAIRED_STATIC_ASSERT(offsetof(struct unpaired_site, frame) == sizeof(struct unpaired_ram_site),
                       site_is_as_the_image_has_it);
#define UNPAIRED_HEAD_DEPTH_SHIFT 16
#define UNPAIRED_HEAD_SOURCE_SHIFT (16 + UNPAIRED_RAM_SITE_SOURCE_SHIFT)
#define UNPAIRED_HEAD_GENERATION_SHIFT 24
#define UNPAIRED_HEAD_GENERATION 0xff000000u
static inline unsigned unpaired_depth_of(uint32_t head)
{
    return head >> UNPAIRED_HEAD_DEPTH_SHIFT & UNPAIRED_RAM_SITE_DEPTH_MASK;
}
/* In a branch that is hardly ever taken: keeps the compiler from computing both sides. */
#define UNPAIRED_RARE __asm__ volatile("")

/* What a RAM image shows: the root and behind it the tables (ram_image.h). */
struct unpaired_tables {
    unpaired_root root;
    struct unpaired_site site[UNPAIRED_SITES];
#if UNPAIRED_HANDLES > 0
    unpaired_handle handle[UNPAIRED_HANDLES];
#endif
#if UNPAIRED_ANOMALIES > 0
    unpaired_anomaly anomaly[UNPAIRED_ANOMALIES];
#endif
#if UNPAIRED_MARKS > 0
    uint32_t mark[UNPAIRED_MARKS];
#endif
};
extern struct unpaired_tables unpaired_ram;

UNPAIRED_STATIC_ASSERT(UNPAIRED_SITES >= 1 && UNPAIRED_SITES <= 4094, sites_from_1_to_4094);
UNPAIRED_STATIC_ASSERT(UNPAIRED_FRAMES >= 1 && UNPAIRED_FRAMES <= 31, frames_from_1_to_31);
UNPAIRED_STATIC_ASSERT(UNPAIRED_SCAN_WORDS <= 2047, scan_words_fit_the_gap_of_a_frame);
UNPAIRED_STATIC_ASSERT((UNPAIRED_RING & (UNPAIRED_RING - 1)) == 0, ring_is_a_power_of_two);
UNPAIRED_STATIC_ASSERT((int)UNPAIRED_FUNCTION_END <= 256, functions_fit_8_bits);
UNPAIRED_STATIC_ASSERT((int)UNPAIRED_FAMILY_END <= 256, families_fit_8_bits);

/* Sets the tables up where nobody has: while the root's version is 0. */
void unpaired_set_up(void);

/* ---- ids of a row in one word --------------------------------------------------------------------------- */

/* Bits 0 to 7 the function, 8 to 15 the family (acquirers), 16 to 23 the space, 24 to 27 the space's kind, 28 to
 * 30 what became of a release (enum unpaired_outcome), 31: see below. */
#define UNPAIRED_IDS(function, family, space)                                           \
    ((uint32_t)UNPAIRED_FUNCTION_##function | (uint32_t)UNPAIRED_FAMILY_##family << 8 | \
     (uint32_t)UNPAIRED_SPACE_##space << 16 | (uint32_t)UNPAIRED_KIND_OF_##space << 24)
#define UNPAIRED_ACQUIRER_IDS(function, family)                                         \
    ((uint32_t)UNPAIRED_FUNCTION_##function | (uint32_t)UNPAIRED_FAMILY_##family << 8 | \
     (uint32_t)UNPAIRED_SPACE_OF_##family << 16 | (uint32_t)UNPAIRED_KIND_OF_FAMILY_##family << 24)
#define UNPAIRED_RELEASER_IDS(function, space) UNPAIRED_IDS(function, NONE, space)

#define UNPAIRED_IDS_BLOCK 0x80000000u

enum unpaired_outcome {
    UNPAIRED_OUTCOME_GONE = 0,          /* released, and reported success */
    UNPAIRED_OUTCOME_GONE_ERROR = 1,    /* released, and reported an error */
    UNPAIRED_OUTCOME_STAYS = 2,         /* failed: the resource is as it was */
    UNPAIRED_OUTCOME_REPLACED = 3,      /* a live handle was handed out again: its release was not seen */
    UNPAIRED_OUTCOME_REINITIALISED = 4, /* the same of an object in place: it is lost */
    UNPAIRED_OUTCOME_UNKNOWN = 5        /* failed, and nothing is known to be live */
};
#define UNPAIRED_OUTCOME_SHIFT 28

static inline unsigned unpaired_function_of(uint32_t ids) { return ids & 0xffu; }
static inline unsigned unpaired_family_of(uint32_t ids) { return ids >> 8 & 0xffu; }
static inline unsigned unpaired_space_of(uint32_t ids) { return ids >> 16 & 0xffu; }
static inline unsigned unpaired_kind_of(uint32_t ids) { return ids >> 24 & 0xfu; }

/* ---- the ledger ------------------------------------------------------------------------------------------ */

/* Records that `handle` was acquired by the function of `ids`, and `size` bytes asked for. Returns what a block's
 * header keeps: the site in the lower 12 bits (0: it found no room), the packed sequence number above. With
 * UNPAIRED_IDS_BLOCK the handle is a block with room for a header before it, which is written; returns the block. */
uintptr_t unpaired_acquire(uint32_t ids, uintptr_t handle, size_t size, UNPAIRED_CALL_PARAMETERS);

/* The same for what is not memory: keeps the handle. Returns `handle`. */
void unpaired_handle_acquired(uint32_t ids, uintptr_t handle, size_t size, UNPAIRED_CALL_PARAMETERS);

/* An acquisition that failed, which only a stream tells. */
static inline void unpaired_acquire_failed(uint32_t ids, size_t bytes, uintptr_t caller);

/* Before the real releaser is called: what is live under the handle, 0 if nothing is. */
uint32_t unpaired_release_begin(uint32_t ids, uintptr_t handle);

/* After it: `token` is what unpaired_release_begin() returned, `result` what the function did. */
void unpaired_release_end(uint32_t ids, uint32_t token, uintptr_t handle, uintptr_t caller, int32_t result);

/* An observer (shutdown) was called on the handle. */
void unpaired_observed(uint32_t ids, uintptr_t handle, uintptr_t caller, int32_t result);

/* Around a creator whose creature (a thread, a task) may release itself before the creator is told of it. The second
 * one records the acquisition too, unless `handle` is null. */
void unpaired_creating_begin(void);
void unpaired_creating_end(uint32_t ids, void *handle, size_t size, UNPAIRED_CALL_PARAMETERS);

/* One less is live at the site of a header or handle. Inside the lock. */
static inline void unpaired_site_lost(uint32_t site)
{
    const uint32_t number = site & UNPAIRED_HEADER_SITE_MASK;
    if (number == 0 || number > UNPAIRED_SITES)
        UNPAIRED_RARE; /* it had found no room */
    else
        unpaired_ram.site[number - 1u].live--;
}

/* Counts a doubtful release. `ids`: the releaser. */
void unpaired_anomaly_seen(uint32_t kind, uint32_t ids, uint32_t acquire_site, unsigned observed,
                           uintptr_t caller, int32_t result);

/* A block was released a second time; `site` is the word of its header. */
void unpaired_double_release(uint32_t ids, uint32_t site, uintptr_t block, uintptr_t caller);

/* Whose work the running code does; enum unpaired_owner_source is added to *head, the head of a site. */
#if UNPAIRED_TASKS > 0
uint32_t unpaired_owner_now(uint32_t *head);
#else
extern uint32_t unpaired_owner_scope;
static inline uint32_t unpaired_owner_now(uint32_t *head)
{
    const uint32_t owner = unpaired_owner_scope;
    if (owner != 0)
        *head += (uint32_t)UNPAIRED_OWNER_SCOPE << UNPAIRED_HEAD_SOURCE_SHIFT;
    return owner;
}
#endif
/* ---- blocks of memory ------------------------------------------------------------------------------------ */

/* More than any allocator has, and less than would overflow in one that does not check. */
#define UNPAIRED_TOO_MUCH ((size_t)-1 >> 1)

/* Bytes to ask the real allocator for: with room for a header, and for the alignment, which is raised to a power of
 * two. What does not fit becomes more than any allocator has. */
#if UNPAIRED_HUGE_BLOCKS
size_t unpaired_padded(size_t size);
#else
static inline size_t unpaired_padded(size_t size)
{
    size_t padded = size + UNPAIRED_HEADER_SIZE;
    if (padded < size) {
        UNPAIRED_RARE;
        padded = UNPAIRED_TOO_MUCH;
    }
    return padded;
}
#endif
size_t unpaired_padded_aligned(size_t size, size_t *alignment);
/* count * size, or more than any allocator has. */
size_t unpaired_product(size_t count, size_t size);

/* Check of a live block's header. */
static inline uint32_t unpaired_header_check_of(const struct unpaired_block_header *header)
{
    return unpaired_header_check(header->owner, header->size, header->site,
                                 (uint32_t)(uintptr_t)(header + 1));
}

/* Writes the header of a block that begins right behind it. The check comes last: a RAM image shows a whole header or
 * none. */
static inline void unpaired_header_write(struct unpaired_block_header *header, uint32_t owner, size_t size,
                                         uint32_t site)
{
    uint32_t shown = (uint32_t)size;
    if (size >> 24 != 0) {
        UNPAIRED_RARE;
        shown = UNPAIRED_HEADER_SIZE_MASK;
    }
    header->owner = owner;
    header->size = shown | UNPAIRED_HEADER_SIZE / 8u << UNPAIRED_HEADER_DISTANCE_SHIFT;
    header->site = site;
    header->check = unpaired_header_check(owner, header->size, site, (uint32_t)(uintptr_t)(header + 1));
}

/* Records a block and writes its header; `base` is what the real allocator gave and may be null. Returns the block,
 * aligned to `alignment`, or null. */
void *unpaired_block_taken_aligned(void *base, size_t size, size_t alignment, uint32_t ids,
                                   UNPAIRED_CALL_PARAMETERS);
#if UNPAIRED_HUGE_BLOCKS || UNPAIRED_RING > 0
void *unpaired_block_taken(void *base, size_t size, uint32_t ids, UNPAIRED_CALL_PARAMETERS);
#else
static inline void *unpaired_block_taken(void *base, size_t size, uint32_t ids, UNPAIRED_CALL_PARAMETERS)
{
    if (base == 0)
        return 0;
    return (void *)unpaired_acquire(ids | UNPAIRED_IDS_BLOCK, (uintptr_t)base + UNPAIRED_HEADER_SIZE, size,
                                    UNPAIRED_CALL_PASSED);
}
#endif

/* Records the release of a block and wipes its owner. Returns what the real releaser must be given: the base of a
 * block of ours, any other block itself. */
void *unpaired_block_released(void *block, uint32_t ids, uintptr_t caller);

/* The header of a live block that we gave out, or null. */
const struct unpaired_block_header *unpaired_block_header_of(const void *block);
/* What lies between base and block, and how many bytes were asked for. */
size_t unpaired_block_distance(const struct unpaired_block_header *header);

enum unpaired_resize {
    UNPAIRED_RESIZE_PASS,
    UNPAIRED_RESIZE_DONE,
    UNPAIRED_RESIZE_MOVE,
    UNPAIRED_RESIZE_FREE
};
/* How a block becomes `size` bytes long: left to the real function (it is not ours), done in place, to be moved,
 * or to be freed. *keep: the bytes to copy when it moves. */
enum unpaired_resize unpaired_block_resize(void *block, size_t size, size_t *keep, uint32_t ids,
                                           UNPAIRED_CALL_PARAMETERS);

/* ---- nesting ---------------------------------------------------------------------------------------------- */

#if UNPAIRED_NESTING > 0
/* Before an acquirer's real function is called: 1 if this context is inside one already, whose part this is. */
int unpaired_enter(void);
void unpaired_leave(void);
#else
static inline int unpaired_enter(void) { return 0; }
static inline void unpaired_leave(void) {}
#endif

/* ---- the stream -------------------------------------------------------------------------------------------- */

#if UNPAIRED_RING > 0
struct unpaired_ring {
    unpaired_event_entry entry[UNPAIRED_RING];
    uint32_t head;                            /* entries written so far, modulo 2^32 */
    volatile uint32_t tail;                   /* entries taken out */
    uint32_t number;                          /* events so far, those without room included */
    uint8_t untold[(UNPAIRED_SITES + 7) / 8]; /* sites the host has not heard of */
};
extern struct unpaired_ring unpaired_ring;

/* Internal entries of the ring: a mark (handle: cycle, place: milliseconds, value: 1 if an entry with its name,
 * filled up with zeros, follows). */
#define UNPAIRED_EVENT_MARK 255u
#define UNPAIRED_MARK_NAME_MAX sizeof(unpaired_event_entry)
typedef union {
    char text[UNPAIRED_MARK_NAME_MAX]; /* not terminated if it is full */
    unpaired_event_entry entry;
} unpaired_mark_name;
/* The beginning of a name, which may be null. */
void unpaired_mark_copy(unpaired_mark_name *copy, const char *name);

/* Puts an event of the function of `ids` into the ring, or counts that there was no room. Inside the lock. `caller` as
 * the hook has it, or a site. */
void unpaired_event_put(uint32_t what, uint32_t ids, uintptr_t handle, uintptr_t place, uint32_t value);
/* The same, with the lock taken for it and then what a hook does at its end. */
void unpaired_event_now(uint32_t what, uint32_t ids, uintptr_t handle, uintptr_t place, uint32_t value);
/* A cycle began, as the root has it. Inside the lock. */
void unpaired_mark_put(const unpaired_mark_name *name);
static inline void unpaired_site_untold(uint32_t index)
{
    unpaired_ring.untold[index >> 3] |= (uint8_t)(1u << (index & 7u));
}
#else
static inline void unpaired_event_put(uint32_t what, uint32_t ids, uintptr_t handle, uintptr_t place,
                                      uint32_t value)
{
    (void)what, (void)ids, (void)handle, (void)place, (void)value;
}
static inline void unpaired_event_now(uint32_t what, uint32_t ids, uintptr_t handle, uintptr_t place,
                                      uint32_t value)
{
    (void)what, (void)ids, (void)handle, (void)place, (void)value;
}
static inline void unpaired_site_untold(uint32_t index) { (void)index; }
typedef char unpaired_mark_name;
static inline void unpaired_mark_copy(unpaired_mark_name *copy, const char *name) { (void)copy, (void)name; }
static inline void unpaired_mark_put(const unpaired_mark_name *name) { (void)name; }
#endif

static inline void unpaired_acquire_failed(uint32_t ids, size_t bytes, uintptr_t caller)
{
    unpaired_event_now(UNPAIRED_EVENT_ACQUIRE_FAILED, ids, 0, UNPAIRED_PLACE(caller), (uint32_t)bytes);
}

/* At the end of a hook. */
#if UNPAIRED_RING > 0 && UNPAIRED_SEND_AT_ONCE
void unpaired_send_now(void);
#else
static inline void unpaired_send_now(void) {}
#endif

#endif
