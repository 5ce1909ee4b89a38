/* Call sites, and what is live at them. Sites are searched outside the lock, and what was found is verified inside. */
#include "firmware_recorder.h"
#include "scan.h"

/* Entries looked at for a site, from where its hash points. */
#define UNPAIRED_SITE_WINDOW (UNPAIRED_SITES < 8 ? UNPAIRED_SITES : 8)

/* A call site as it is looked for: without its generation, by which an entry that was given away is told. */
struct key {
    uint32_t owner, head;
    uintptr_t frame[UNPAIRED_FRAMES];
};

#if UNPAIRED_FRAMES > 1
/* Adds to the one frame of a key those on the stack, and to its hash. Apart from its only caller, for the registers. */
static __attribute__((noinline)) uint32_t scan(struct key *key, uint32_t hash, const uintptr_t *cfa)
{
    enum { before_call = 8 }; /* bytes of code that unpaired_behind_call() reads */
    const uintptr_t origin = unpaired_ram.root.text_low + before_call;
    const uintptr_t units = (unpaired_ram.root.text_high - origin) / UNPAIRED_FRAME_UNIT;
    const uintptr_t *end = unpaired_port_stack_end(cfa), *word = cfa, *before = cfa + 1;
    uintptr_t *frame = key->frame + 1, first = origin + UNPAIRED_CODE_BIT, distance, several;
    __asm__("" : "+r"(first)); /* in a register: the loop runs over each word */
    if (end > cfa + UNPAIRED_SCAN_WORDS)
        end = cfa + UNPAIRED_SCAN_WORDS;
/* Hardly a word is an address of code: each takes four instructions, and the end is looked for after several. */
#define UNPAIRED_LOOK                          \
    distance = *word++ - first;                \
    __asm__("" : "+r"(word));                  \
    if (unpaired_code_units(distance) < units) \
        goto code;
    several = end > cfa + 3 ? (uintptr_t)(end - 3) : 0; /* a port may answer with less than where it begins */
    for (;;) {
        while ((uintptr_t)word < several) {
            UNPAIRED_LOOK
            UNPAIRED_LOOK
            UNPAIRED_LOOK
            UNPAIRED_LOOK
        }
        if (word >= end)
            break;
        UNPAIRED_LOOK
        continue;
    code:
        if (unpaired_behind_call(first + distance - UNPAIRED_CODE_BIT)) {
            const uintptr_t gap =
                (uintptr_t)word - (uintptr_t)before; /* in bytes, which are a power of two */
            const uintptr_t packed = gap * (((uintptr_t)1 << UNPAIRED_OFFSET_BITS) / sizeof *word) |
                                     (distance + before_call) / UNPAIRED_FRAME_UNIT;
            before = word;
            *frame++ = packed;
            hash = (hash << 25 | hash >> 7) ^ (uint32_t)packed;
            if (frame == key->frame + UNPAIRED_FRAMES)
                break;
        }
    }
#undef UNPAIRED_LOOK
    key->head += (uint32_t)(frame - key->frame - 1) << UNPAIRED_HEAD_DEPTH_SHIFT;
    return hash;
}
#endif

/* Whether the site is the one looked for, of whatever generation. */
#if UNPAIRED_FRAMES > 1
static __attribute__((noinline)) int match_frames(const uintptr_t *one, const uintptr_t *other, unsigned n)
{
    do {
        if (*one++ != *other++)
            return 0;
    } while (--n != 0);
    return 1;
}
#endif
static inline int match(const struct unpaired_site *site, uint32_t head, const struct key *key)
{
    if ((head ^ key->head) << 8 != 0 || site->owner != key->owner)
        return 0;
#if UNPAIRED_FRAMES > 1
    return match_frames(site->frame, key->frame, unpaired_depth_of(head));
#else
    return site->frame[0] == key->frame[0];
#endif
}

/* Whether a doubtful release is told by the number of this site. */
static int is_told_of(const struct unpaired_site *site)
{
#if UNPAIRED_ANOMALIES > 0
    const uint16_t number = (uint16_t)(site - unpaired_ram.site + 1);
    unsigned i;
    for (i = 0; i < UNPAIRED_ANOMALIES; i++)
        if (unpaired_ram.anomaly[i].acquire_site == number)
            return 1;
#endif
    (void)site;
    return 0;
}

/* A key of one frame stays in registers. */
#if UNPAIRED_FRAMES > 1
#define UNPAIRED_KEY_PARAMETER const struct key *const key
#define UNPAIRED_KEY_HERE
#define UNPAIRED_KEY_PASSED &key
#else
#define UNPAIRED_KEY_PARAMETER uint32_t owner, uint32_t head, uintptr_t frame
#define UNPAIRED_KEY_HERE const struct key here = {owner, head, {frame}}, *const key = &here;
#define UNPAIRED_KEY_PASSED key.owner, key.head, key.frame[0]
#endif

enum { no_room = UNPAIRED_SITES, not_set_up };

/* Looks for the key in the window that begins at `index`; where it is not, gives it a free or a dead entry. Returns the
 * index of the entry, which an interrupt may have taken away again, or why there is none. */
static __attribute__((noinline)) uint32_t search(uint32_t index, UNPAIRED_KEY_PARAMETER)
{
    UNPAIRED_KEY_HERE
    uint32_t room = no_room;
    unsigned left = UNPAIRED_SITE_WINDOW, n;
    struct unpaired_site *site;
    uintptr_t state;
    if (unpaired_ram.root.version == 0) {
        unpaired_set_up();
        return not_set_up;
    }
    do {
        site = &unpaired_ram.site[index];
        if (match(site, site->head, key))
            return index;
        if (room == no_room && site->live == 0 && !is_told_of(site))
            room = index;
        if (site->head == 0)
            break;
        if (++index == UNPAIRED_SITES)
            index = 0;
    } while (--left != 0);
    if (room == no_room)
        return room;
    site = &unpaired_ram.site[room];
    state = unpaired_port_lock();
    if (site->live == 0) { /* else an interrupt was faster */
        site->head =
            key->head + (site->head & UNPAIRED_HEAD_GENERATION) + (1u << UNPAIRED_HEAD_GENERATION_SHIFT);
        site->owner = key->owner;
        site->acquired = 0;
        for (n = 0; n < unpaired_depth_of(key->head); n++) {
            site->frame[n] = key->frame[n];
            __asm__ volatile("" ::: "memory"); /* or it becomes a call of memcpy, which takes longer */
        }
        unpaired_ram.root.site_changes++;
        unpaired_site_untold(room);
    }
    unpaired_port_unlock(state);
    return room;
}

/* Inside the lock. The number that a block or handle keeps: the first acquisition is number 0. */
static inline uint32_t next_sequence(unpaired_root *root)
{
    const uint32_t sequence = root->sequence;
    uint32_t shift = root->sequence_shift, packed = sequence >> shift;
    root->sequence = sequence + 1u;
    if (packed > 0xffffu) { /* as unpaired_sequence_pack() */
        UNPAIRED_RARE;
        if (shift == 15u) /* as far as the exponent goes */
            return 0xfffffu;
        root->sequence_shift = (uint8_t)++shift;
        packed >>= 1;
    }
    return packed | shift << 16;
}

/* Flat, and with the rare case at its end: this is what every allocation waits for. */
__attribute__((flatten)) uintptr_t unpaired_acquire(uint32_t ids, uintptr_t handle, size_t size,
                                                    UNPAIRED_CALL_PARAMETERS)
{
    unpaired_root *const root = &unpaired_ram.root;
    struct unpaired_site *site;
    struct key key;
    uint32_t hash, word, first, index, head;
    uint32_t what;
#if UNPAIRED_FRAMES > 1
    unsigned left = UNPAIRED_SITE_WINDOW;
#endif
    uintptr_t state, offset, place;
    offset = caller - root->text_low;
    key.head = (ids & 0xffffu) | 1u << UNPAIRED_HEAD_DEPTH_SHIFT;
    key.owner = unpaired_owner_now(&key.head);
    key.frame[0] = offset / UNPAIRED_FRAME_UNIT;
    hash = key.owner ^ (uint32_t)caller;
    if (offset >= UNPAIRED_FRAME_WINDOW) {
        UNPAIRED_RARE;
        key.head -= 1u << UNPAIRED_HEAD_DEPTH_SHIFT; /* cannot be told */
#if UNPAIRED_FRAMES > 1
    } else if (root->text_high != root->text_low) {
        hash = scan(&key, hash, cfa);
#endif
    }
    first = index = (hash * 0x9e3779b1u >> 16) * UNPAIRED_SITES >> 16;
again:
    site = &unpaired_ram.site[index];
    __asm__("" : "+r"(site)); /* one register for it, not one for each member */
#if UNPAIRED_FRAMES > 1
    head = *(volatile uint32_t *)&site->head;
    if (!match(site, head, &key))
        goto elsewhere;
    state = unpaired_port_lock();
    if (site->head != head)
        goto unlock;
#else /* short enough for the lock */
    state = unpaired_port_lock();
    head = site->head;
    if (!match(site, head, &key))
        goto unlock;
#endif
    word = site->acquired + 1u;
    site->live = site->live + 1u;
    site->acquired = word;
    word = index + 1u;
    what = UNPAIRED_EVENT_ACQUIRE;
    place = word | (head & UNPAIRED_HEAD_GENERATION);
recorded:
    unpaired_event_put(what, ids, handle, place, (uint32_t)size);
    word |= next_sequence(root) << UNPAIRED_HEADER_SITE_BITS;
    unpaired_port_unlock(state);
    if ((ids & UNPAIRED_IDS_BLOCK) == 0)
        return word;
    unpaired_header_write((struct unpaired_block_header *)handle - 1, key.owner, size, word);
    return handle;

unlock: /* another site, or an interrupt made another of it */
    unpaired_port_unlock(state);
#if UNPAIRED_FRAMES > 1
elsewhere:
    if (--left != 0 && head != 0) {
        index = index + 1u < UNPAIRED_SITES ? index + 1u : 0u;
        goto again;
    }
    left = 1; /* to be verified, and looked for again where that fails */
#endif
    index = search(first, UNPAIRED_KEY_PASSED);
    if (index == not_set_up)
        return unpaired_acquire(ids, handle, size, UNPAIRED_CALL_PASSED);
    if (index != no_room)
        goto again;
    state = unpaired_port_lock();
    word = 0;
    root->drops[UNPAIRED_RAM_DROP_SITE]++;
    what = UNPAIRED_EVENT_ACQUIRE_AT;
    place = UNPAIRED_PLACE(caller);
    goto recorded;
}
