/* The bytes of an unpaired trace. C99, <stdint.h> only; prose and drawings in docs/trace-format.md.
 *
 * A trace is a file of pages. Page 0 is the file header; behind it stand extents, each a whole number of
 * pages that begins with an extent header and tells its length, so that a reader can walk them, skip the
 * kinds it does not know, and find the next one after damage (extents start on page boundaries and carry a
 * magic word). Extents hold
 *   SLOTS     the ledger: one 64-byte slot per live acquisition,
 *   COUNTERS  totals per call site, sharded by thread,
 *   LOG       append-only records: dictionary, modules, sites, threads, marks, anomalies, ends,
 *   REACH     what memory still held when somebody looked (since 1.1),
 *   EVENTS    where asked for, every acquisition and release of a shard (since 1.2): trace_events.h.
 * Everything is little-endian. A writer maps the file shared and stores plainly: what was stored survives the
 * writer's death. One file may be written by several processes (a program and its forked children): each is
 * an *image*, has its own extents, and never writes into another's.
 *
 * Version rule: a reader refuses another major; a higher minor only adds extent kinds, record types, or fields
 * at the end of a record, all of which can be skipped by length. */
#ifndef UNPAIRED_TRACE_FORMAT_H
#define UNPAIRED_TRACE_FORMAT_H

#include <stdint.h>

#ifdef __cplusplus
#define UNPAIRED_STATIC_ASSERT(condition, name) static_assert(condition, #name)
extern "C" {
#else
#define UNPAIRED_STATIC_ASSERT(condition, name) typedef char unpaired_assert_##name[(condition) ? 1 : -1]
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "unpaired traces are little-endian and are written in place: big-endian targets are not supported"
#endif

#define UNPAIRED_TRACE_MAGIC "UNPAIRED" /* 8 bytes, no terminator in the file */
#define UNPAIRED_TRACE_MAJOR 1
#define UNPAIRED_TRACE_MINOR 3
#define UNPAIRED_TRACE_PAGE 4096u
#define UNPAIRED_MAX_DEPTH 64 /* frames kept per stack, innermost first */

/* ---- page 0 ------------------------------------------------------------------------------------------ */

enum unpaired_source { UNPAIRED_SOURCE_PRELOAD = 1, UNPAIRED_SOURCE_WRAP = 2 };

/* Why something was not recorded; index into unpaired_file_header.drops. */
enum unpaired_drop {
    UNPAIRED_DROP_NO_SPACE = 0,  /* acquisitions: the file reached its capacity, or the disk was full */
    UNPAIRED_DROP_LOG = 1,       /* log records that found no room */
    UNPAIRED_DROP_REENTERED = 2, /* events of a signal handler that interrupted the recorder itself */
    UNPAIRED_DROP_INDEX = 3,     /* handles that could not be indexed: their release goes unseen */
    UNPAIRED_DROP_SEARCH = 4,    /* releases of untagged blocks that were not looked up by address */
    UNPAIRED_DROP_EVENT = 5,     /* events that found no room in EVENTS; the ledger has them (since 1.2) */
    UNPAIRED_DROP_KINDS = 8
};

#define UNPAIRED_CONTROL_STOPPED 1u /* control word: acquisitions are not recorded, releases are */

struct unpaired_file_header {
    char magic[8];
    uint16_t major, minor;
    uint32_t page;        /* UNPAIRED_TRACE_PAGE */
    uint64_t capacity;    /* bytes the file may grow to */
    uint16_t machine;     /* ELF e_machine of the writer */
    uint8_t source;       /* enum unpaired_source */
    uint8_t address_size; /* 4 or 8 */
    uint32_t first_pid;
    uint64_t started_realtime_ns;  /* CLOCK_REALTIME when the file was made */
    uint64_t started_monotonic_ms; /* CLOCK_MONOTONIC then; every time in the trace is milliseconds since */
    uint64_t reserved0[2];
    /* read by every acquisition, written by unpaired_mark() and `unpaired ctl` */
    uint32_t control; /* UNPAIRED_CONTROL_* */
    uint32_t cycle;   /* number of cycles begun so far; each slot keeps the value it was acquired under */
    uint32_t reserved1[14];
    /* allocators, all by atomic addition */
    uint32_t next_page;   /* first page never handed out; starts at 1 */
    uint32_t next_site;   /* starts at 1; 0 means no site */
    uint32_t next_image;  /* starts at 1 */
    uint32_t next_shard;  /* starts at 1 */
    uint32_t next_thread; /* starts at 1 */
    uint32_t next_generation;
    uint32_t ready_page; /* a writer's own: the pages before it have their blocks on the disk; 0: not known */
    uint32_t reserved2[9];
    uint64_t drops[UNPAIRED_DROP_KINDS];
    uint8_t reserved3[UNPAIRED_TRACE_PAGE - 256];
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_file_header) == UNPAIRED_TRACE_PAGE, file_header_is_one_page);

/* ---- extents ----------------------------------------------------------------------------------------- */

#define UNPAIRED_EXTENT_MAGIC 0x58544e55u /* "UNTX" */
enum unpaired_extent_kind {
    UNPAIRED_EXTENT_LOG = 1,
    UNPAIRED_EXTENT_SLOTS = 2,
    UNPAIRED_EXTENT_COUNTERS = 3,
    UNPAIRED_EXTENT_REACH = 4, /* since 1.1 */
    UNPAIRED_EXTENT_EVENTS = 5 /* since 1.2 */
};

struct unpaired_extent {
    uint32_t magic; /* stored last: an extent without it was reserved but never set up */
    uint16_t kind;
    uint16_t image;
    uint32_t pages;
    uint32_t used;     /* LOG: bytes reserved behind this header, by atomic addition, may exceed the room;
                       COUNTERS: blocks in use; REACH: entries, stored last; SLOTS, EVENTS: not used */
    uint32_t shard;    /* SLOTS, COUNTERS, EVENTS: whose */
    uint32_t previous; /* page of the image's extent before it; a writer's own link */
    uint32_t reserved[10];
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_extent) == 64, extent_header_is_64_bytes);

/* ---- the ledger -------------------------------------------------------------------------------------- */

/* A slot's *reference* is its offset in the file divided by 64; 0 is no slot. */
#define UNPAIRED_SLOT_MOVED 1u     /* the handle now belongs to `parent` (fdopen), which releases both */
#define UNPAIRED_SLOT_TRUNCATED 2u /* unused, reserved */
#define UNPAIRED_SLOT_RESERVED \
    4u /* a mapping, or part of one, that was made without a right to it (PROT_NONE) */
/* Of retired slots (since 1.2): */
#define UNPAIRED_SLOT_UNSEEN 8u /* its release was not seen; counted in released_unseen */
#define UNPAIRED_SLOT_LOST 16u  /* retired by an anomaly: it was never released */
#define UNPAIRED_SLOT_AWAY \
    32u /* every event recorded: another shard's thread retired it at time_ms, and its own has yet to log that */

struct unpaired_slot {
    uint64_t handle;   /* address, descriptor number, ... as the space defines it */
    uint64_t size;     /* bytes asked for; 0 where the resource has none */
    uint32_t sequence; /* odd: live. The last store of an acquisition and of a retirement (release order) */
    uint32_t site;     /* where it was acquired */
    uint32_t time_ms;  /* when, coarse */
    uint32_t cycle;    /* cycles begun before it */
    uint32_t thread;   /* by which thread (THREAD record) */
    uint32_t parent;   /* reference of the acquisition inside whose call it was made, or 0 */
    uint32_t parent_sequence; /* the parent is the one meant only while its sequence is this */
    uint32_t release_site;    /* retired: where it was released; live: where a release last failed; or 0 */
    uint32_t next;            /* writer's own: free list, chain of held locks; order */
    uint16_t observed;        /* function id of the last observer (shutdown), or 0 */
    int16_t observed_result;  /* what it returned, clamped to 16 bits */
    uint16_t shard;           /* the shard whose free list the slot returns to, modulo 2^16 */
    uint8_t space;
    uint8_t flags;  /* UNPAIRED_SLOT_* */
    uint16_t image; /* the writer's, as in its extent */
    /* streams: the descriptor inside, plus one; 0 if there is none, or it is above 65534 or not known. Stored after
     * `sequence` (since 1.1) */
    uint16_t descriptor;
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_slot) == 64, slot_is_64_bytes);

/* ---- counters per call site -------------------------------------------------------------------------- */

/* The sum over all shards of an image is the truth; peaks summed so are upper bounds. What was released is
 * not counted: it is acquired − live slots − lost (anomalies) − released_unseen. */
struct unpaired_counter {
    uint64_t acquired;
    uint64_t bytes;     /* acquired in all */
    int64_t live_bytes; /* a release by another thread is settled later, so a lower layer than the slots */
    uint64_t peak_bytes;
    uint32_t failed;          /* acquisitions that failed */
    uint32_t released_unseen; /* retired because the handle was given out again, or the kernel had lost it */
    uint32_t released_unrecorded; /* reserved */
    uint32_t
        last_size; /* the writer's own: of the last acquisition in EVENTS, where its size is left out when it
                           is the same */
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_counter) == 48, counter_is_48_bytes);

#define UNPAIRED_COUNTERS_PER_BLOCK 32u
struct unpaired_counter_block {
    uint32_t first_site; /* multiple of UNPAIRED_COUNTERS_PER_BLOCK */
    uint32_t reserved[15];
    struct unpaired_counter counter[UNPAIRED_COUNTERS_PER_BLOCK];
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_counter_block) == 1600, counter_block_is_1600_bytes);

/* ---- what memory held --------------------------------------------------------------------------------- */

/* A REACH extent begins with this, `used` entries follow. One look may fill several extents; of a slot the entry of
 * the latest look counts. */
struct unpaired_reach_look {
    uint32_t time_ms, cycle; /* of the look */
    uint32_t reserved[6];
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_reach_look) == 32, reach_look_is_32_bytes);

enum unpaired_reach_state {
    UNPAIRED_REACH_LOST = 1,     /* nothing points to it */
    UNPAIRED_REACH_POSSIBLY = 2, /* only a doubtful pointer does, or a register that was not seen may */
    UNPAIRED_REACH_REACHABLE = 3
};
enum unpaired_reach_holder {
    UNPAIRED_HOLDER_NONE = 0,
    UNPAIRED_HOLDER_DATA = 1,     /* variables, other memory that is no block's */
    UNPAIRED_HOLDER_STACK = 2,    /* of thread `by` */
    UNPAIRED_HOLDER_STALE = 3,    /* the stack of a thread that ended, or other memory perhaps out of use */
    UNPAIRED_HOLDER_REGISTER = 4, /* of thread `by` */
    UNPAIRED_HOLDER_BLOCK = 5,    /* slot `by`, or 0: a block that was not recorded */
    UNPAIRED_HOLDER_FREED =
        6,                  /* none any more: retired slot `by`, whose block was freed with a pointer in it */
    UNPAIRED_HOLDER_TLS = 7 /* thread-local storage of thread `by` */
};
#define UNPAIRED_REACH_INTERIOR 1u /* the pointer points into the middle */
#define UNPAIRED_REACH_INDIRECT 2u /* lost, and a lost block points to it */
struct unpaired_reach {
    uint32_t slot, sequence; /* of the block: reference, and the sequence for which this is true */
    uint8_t state;           /* enum unpaired_reach_state */
    uint8_t holder;          /* enum unpaired_reach_holder */
    uint16_t flags;          /* UNPAIRED_REACH_* */
    uint32_t by;             /* which one: a slot's reference, or a thread's number in the kernel */
    uint64_t at;             /* where the pointer stands; 0 in a register */
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_reach) == 24, reach_is_24_bytes);

/* ---- the log ----------------------------------------------------------------------------------------- */

/* Records are aligned to 8 bytes. The header is stored last, as one 64-bit word; an all-zero header is a
 * record that was reserved and not finished (its writer died), or the unused end of the extent. */
#define UNPAIRED_RECORD_SYNC 0xa7
struct unpaired_record {
    uint8_t sync;   /* UNPAIRED_RECORD_SYNC */
    uint8_t type;   /* enum unpaired_record_type */
    uint16_t words; /* length in 8-byte words, this header included */
    uint32_t check; /* unpaired_record_check() */
};
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_record) == 8, record_header_is_8_bytes);

enum unpaired_record_type {
    UNPAIRED_RECORD_SPACE = 1,
    UNPAIRED_RECORD_FAMILY = 2,
    UNPAIRED_RECORD_FUNCTION = 3,
    UNPAIRED_RECORD_IMAGE = 4,
    UNPAIRED_RECORD_MODULE = 5,
    UNPAIRED_RECORD_MODULE_GONE = 6,
    UNPAIRED_RECORD_SITE = 7,
    UNPAIRED_RECORD_THREAD = 8,
    UNPAIRED_RECORD_THREAD_END = 9,
    UNPAIRED_RECORD_MARK = 10,
    UNPAIRED_RECORD_ANOMALY = 11,
    UNPAIRED_RECORD_LIMIT = 12,
    UNPAIRED_RECORD_DESCRIPTORS = 13,
    UNPAIRED_RECORD_END = 14,
    UNPAIRED_RECORD_CHILD_END = 15,
    UNPAIRED_RECORD_EXEC = 16,
    UNPAIRED_RECORD_NOTE = 17,
    UNPAIRED_RECORD_PREVIEW = 18,    /* since 1.1 */
    UNPAIRED_RECORD_SITE_PACKED = 19 /* since 1.2 */
};

/* Check word of a record: `payload` is what follows the header, `words` as in the header. The end of an
 * ANOMALY is counted up in place, so it is left out. */
static inline uint32_t unpaired_record_check(uint8_t type, uint16_t words, const void *payload)
{
    const uint32_t *p = (const uint32_t *)payload;
    uint32_t n = ((uint32_t)words - 1u) * 2u, h = 0x811c9dc5u ^ ((uint32_t)type << 16) ^ words, i;
    if (type == UNPAIRED_RECORD_ANOMALY)
        n -= 2u * 3u; /* UNPAIRED_ANOMALY_UNCHECKED_WORDS */
    for (i = 0; i < n; i++) {
        h = (h ^ p[i]) * 0x9e3779b1u;
        h ^= h >> 15;
    }
    return h;
}

/* Strings in records: their length stands in a field, their bytes follow the fixed part in the order of the
 * length fields, unterminated; the record is padded with zeros to 8 bytes. `name_len` etc. are such fields. */

enum unpaired_space_kind {
    UNPAIRED_KIND_NUMBERED = 1, /* a live handle given out again proves a release that was not seen */
    UNPAIRED_KIND_IN_PLACE =
        2, /* the handle is the address of the caller's storage; init over a live one loses it */
    UNPAIRED_KIND_COUNTED = 3, /* each acquisition of a handle needs its release */
    UNPAIRED_KIND_RANGE = 4,   /* releases may split or cover acquisitions */
    UNPAIRED_KIND_HELD = 5     /* a state of an object, held by a thread: locks */
};
struct unpaired_record_space { /* SPACE */
    uint16_t id;
    uint8_t kind; /* enum unpaired_space_kind */
    uint8_t name_len;
    uint32_t reserved;
};
struct unpaired_record_family { /* FAMILY; its name and what a person calls it */
    uint16_t id, space;
    uint8_t name_len, display_len;
    uint16_t flags; /* UNPAIRED_FAMILY_* */
};
enum unpaired_role {
    UNPAIRED_ROLE_ACQUIRE = 1,
    UNPAIRED_ROLE_RELEASE = 2,
    UNPAIRED_ROLE_OBSERVE = 3,
    UNPAIRED_ROLE_MOVE = 4,     /* takes a handle of one space into another (fdopen): an acquirer */
    UNPAIRED_ROLE_LIFECYCLE = 5 /* fork, exec, exit: hooked, but acquires nothing */
};
struct unpaired_record_function { /* FUNCTION */
    uint16_t id;
    uint8_t role; /* enum unpaired_role */
    uint8_t name_len;
    uint16_t family; /* acquirers: what it yields by default */
    uint16_t space;
};
#define UNPAIRED_IMAGE_FORKED 1u
struct unpaired_record_image {    /* IMAGE: a process image that writes into this file */
    uint16_t image, parent_image; /* parent_image: 0 for the file's first */
    uint32_t pid, parent_pid, time_ms;
    uint32_t flags;                    /* UNPAIRED_IMAGE_* */
    uint16_t program_len, command_len; /* executable's path; command line, arguments separated by NUL */
    uint32_t cycle;                    /* cycles begun before it (since 1.1) */
    uint32_t reserved;
};
struct unpaired_record_module { /* MODULE: a file mapped for execution */
    uint16_t image;
    uint8_t build_id_len; /* raw bytes; 0 where the file has none */
    uint8_t reserved;
    uint16_t path_len;
    uint16_t reserved1;
    uint32_t time_ms;
    uint32_t generation;             /* sites of this generation and later see it */
    uint64_t start, end;             /* addresses covered by its segments */
    uint64_t bias;                   /* address minus the file's virtual address */
};                                   /* + build_id, path */
struct unpaired_record_module_gone { /* MODULE_GONE */
    uint16_t image, reserved;
    uint32_t time_ms;
    uint64_t bias, start;
};

enum unpaired_owner_source {
    UNPAIRED_OWNER_UNKNOWN = 0,
    UNPAIRED_OWNER_SCOPE = 1,
    UNPAIRED_OWNER_RULE = 2,
    UNPAIRED_OWNER_THREAD = 3,
    UNPAIRED_OWNER_MODULE = 4
};
struct
    unpaired_record_site { /* SITE, SITE_PACKED: a function called from a stack on behalf of an owner; once */
    uint32_t id;
    uint16_t function, family;
    uint32_t owner; /* four characters, first in the lowest byte; see owner_tag.h */
    uint16_t image; /* that interned it; forked children use their parent's */
    uint8_t depth, owner_source;
    uint32_t generation; /* of the module map (MODULE records of a later generation do not apply) */
    uint32_t outer;      /* SITE_PACKED: where the stack goes on; 0: nowhere. See UNPAIRED_SITE_OUTER */
}; /* + depth return addresses, innermost first: the first lies in the caller of the function. SITE: of 8 bytes each;
    SITE_PACKED: as unpaired_pack_address() makes them */
/* Behind its own return addresses a stack has the `frames` outermost of the stack of `site`, which was written before. */
#define UNPAIRED_SITE_OUTER(site, frames) ((uint32_t)(site) | (uint32_t)(frames) << 24)
#define UNPAIRED_SITE_OUTER_SITE(outer) ((outer)&0xffffffu)
#define UNPAIRED_SITE_OUTER_FRAMES(outer) ((outer) >> 24)

#define UNPAIRED_PACKED_ADDRESS 10 /* bytes at most */
/* A return address as its difference from the one before (the first: from 0): numbers far below 0 and far above alike
 * are short, 0, -1, 1, -2, ... being 0, 1, 2, 3, ...; 7 bits a byte, lowest first, all but the last byte with the high
 * bit set. Returns where the next one goes. */
static inline uint8_t *unpaired_pack_address(uint8_t *to, uint64_t address, uint64_t before)
{
    uint64_t difference = address - before;
    difference = (difference << 1) ^ (0u - (difference >> 63));
    for (; difference >= 0x80u; difference >>= 7)
        *to++ = (uint8_t)(difference | 0x80u);
    *to++ = (uint8_t)difference;
    return to;
}
/* The other way round: moves `address` from the one before to this one. Returns where the next one begins, or 0 when the
 * bytes end before the address does. */
static inline const uint8_t *unpaired_unpack_address(const uint8_t *from, const uint8_t *end,
                                                     uint64_t *address)
{
    uint64_t difference = 0;
    unsigned shift = 0;
    for (; from != end && shift < 64; shift += 7) {
        const uint8_t byte = *from++;
        difference |= (uint64_t)(byte & 0x7fu) << shift;
        if (byte < 0x80u) {
            *address += (difference >> 1) ^ (0u - (difference & 1u));
            return from;
        }
    }
    return 0;
}
struct unpaired_record_thread { /* THREAD; may come again when the name changes: the last one counts */
    uint32_t thread, tid;
    uint16_t image, flags;
    uint32_t time_ms;
    char name[16];
};
struct unpaired_record_thread_end { /* THREAD_END: the kernel no longer knows it, seen at time_ms */
    uint32_t thread, time_ms;
};
struct unpaired_record_mark { /* MARK: the beginning of cycle number `cycle` */
    uint16_t image, name_len;
    uint32_t cycle, time_ms, reserved;
};

/* Where the calls of a function begin the cycles (NOTE CYCLE_FUNCTION) there may be millions, and the trace is not to
 * grow with them: of the first 128 each has its MARK, then 64 of each doubling. */
static inline int unpaired_mark_is_kept(uint32_t cycle)
{
    uint32_t step = 1;
    while (cycle / step >= 128u)
        step *= 2;
    return cycle % step == 0;
}

/* What happened that should not have: facts, which the analyzer judges. One record for each distinct
 * (kind, function, acquire_site, release_site, result, error); its repetitions are counted in place. */
enum unpaired_anomaly_kind {
    UNPAIRED_ANOMALY_RELEASE_FAILED = 1,      /* a release failed and the resource still exists */
    UNPAIRED_ANOMALY_RELEASED_WITH_ERROR = 2, /* a release reported an error but the resource is gone */
    UNPAIRED_ANOMALY_DOUBLE_RELEASE = 3,      /* release_site: the second; first_release_site: the first */
    UNPAIRED_ANOMALY_MISMATCHED_RELEASE = 4,  /* the releaser does not serve the family */
    UNPAIRED_ANOMALY_RELEASE_UNKNOWN = 5,     /* failed on, or unlocked, what was never acquired */
    UNPAIRED_ANOMALY_FOREIGN_RELEASE = 6,     /* both owners were declared, and they differ */
    UNPAIRED_ANOMALY_TAG_OVERWRITTEN = 7,     /* a block's trailer was damaged when it was released */
    UNPAIRED_ANOMALY_STORAGE_FREED_LIVE =
        8, /* release_site: the free of the memory around it. The object's slot is retired: it is lost */
    UNPAIRED_ANOMALY_REINITIALISED_LIVE =
        9, /* release_site: the second init. The first object's slot is retired: it is lost */
    UNPAIRED_ANOMALY_LIMIT_REACHED = 10, /* an acquisition (at acquire_site) failed for want of handles */
    UNPAIRED_ANOMALY_EXEC_INHERITED = 11 /* a descriptor without CLOEXEC reached an exec'd program */
};
struct unpaired_record_anomaly {
    uint16_t image;
    uint8_t kind; /* enum unpaired_anomaly_kind */
    uint8_t space;
    uint16_t function; /* the one that failed or did it */
    uint16_t observed; /* last observer of the handle before (lwip_shutdown), or 0 */
    uint32_t acquire_site, release_site, first_release_site;
    int32_t result, error; /* return value clamped to 32 bits; errno */
    int32_t observed_result;
    uint32_t first_ms, reserved;
    uint64_t handle, size; /* of its first occurrence */
    /* counted up in place, outside the check */
    uint32_t cycles, last_cycle; /* number of distinct cycles it happened in; the last of them */
    uint64_t bytes;              /* sum of the sizes */
    uint32_t count, last_ms;
};
#define UNPAIRED_ANOMALY_UNCHECKED_WORDS 3
UNPAIRED_STATIC_ASSERT(sizeof(struct unpaired_record_anomaly) == 80, anomaly_is_80_bytes);

struct unpaired_record_limit { /* LIMIT: handles of a space end here */
    uint16_t image, space;
    uint16_t name_len, reserved;
    uint64_t value;
};
struct
    unpaired_record_descriptors { /* DESCRIPTORS: what the kernel had open, `first`..`first + 64*n_words - 1` */
    uint16_t image, n_words;
    uint32_t time_ms, cycle, first;
}; /* + n_words bitmaps of 64 descriptors, lowest first */
enum unpaired_end_kind {
    UNPAIRED_END_EXIT = 1,
    UNPAIRED_END_SIGNAL = 2,
    UNPAIRED_END_EXEC = 3,
    UNPAIRED_END_EXEC_FAILED = 4
};
struct unpaired_record_end { /* END of an image; EXEC_FAILED takes an EXEC back */
    uint16_t image;
    uint8_t kind; /* enum unpaired_end_kind */
    uint8_t reserved;
    int32_t status; /* exit status or signal number; -1 unknown */
    uint32_t time_ms;
    uint16_t text_len, reserved1; /* EXEC: the new program */
};
struct
    unpaired_record_child_end { /* CHILD_END: an image waited for a process; also written by the launcher */
    uint16_t image, reserved;
    uint32_t pid;
    int32_t wait_status; /* as wait(2) gives it */
    uint32_t time_ms;
};
#define UNPAIRED_EXEC_UNRECORDED 1u /* the new environment does not load the shim */
struct unpaired_record_exec {       /* EXEC: a program is started by exec or posix_spawn */
    uint16_t image, flags;
    uint32_t pid, time_ms; /* pid: of the process that becomes the program, 0 where not known */
    uint16_t text_len, reserved;
};
enum unpaired_note {
    UNPAIRED_NOTE_FOREIGN_ALLOCATOR =
        1,                         /* the program brings its own malloc (text: where from); heap untouched */
    UNPAIRED_NOTE_FOREIGN_NEW = 2, /* the program brings its own operator new */
    UNPAIRED_NOTE_NO_SPACE = 3,    /* recording stopped for want of room (text: why) */
    UNPAIRED_NOTE_REACH_UNKNOWN = 4, /* memory was not looked at (text: why); since 1.1 */
    UNPAIRED_NOTE_CYCLE_FUNCTION =
        5, /* each call of this function begins a cycle (text: its name); since 1.1 */
    UNPAIRED_NOTE_NO_CYCLE_FUNCTION =
        6, /* asked to be one, but nothing of the kind is recorded (text); since 1.1 */
    UNPAIRED_NOTE_SEALED =
        7, /* the program filters its system calls (seccomp): the recorder makes none; since 1.3 */
    UNPAIRED_NOTE_REACH_SKIPPED =
        8 /* memory was not searched, since the image is a forked child that acquired little
             (text: why); since 1.3 */
};
struct unpaired_record_note {
    uint16_t image, note;
    uint16_t text_len, reserved;
};
struct unpaired_record_preview { /* PREVIEW: the first bytes of a block, as they were at time_ms */
    uint16_t image, length;
    uint32_t slot, sequence, time_ms;
}; /* + length bytes */

#ifdef __cplusplus
}
#endif
#endif
