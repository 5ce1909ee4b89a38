/* Call sites and what is live at them. Sites are found outside the lock, against a counter of changes, and
 * verified inside. */
#include "recorder.h"
#include "scan.h"

/* Entries looked at for a site, from where its hash points. */
#define UNPAIRED_SITE_WINDOW (UNPAIRED_SITES < 8 ? UNPAIRED_SITES : 8)

/* A call site as it is looked for: the bytes of struct unpaired_ram_site from `function` on, `generation` 0. */
struct key {
    uint32_t owner, head;
    uintptr_t frame[UNPAIRED_FRAMES];
};
#define UNPAIRED_KEY_DEPTH_SHIFT 16
#define UNPAIRED_KEY_MASK 0x00ffffffu

static uint32_t mix(uint32_t hash, uintptr_t value) { return (hash ^ (uint32_t)value) * 0x9e3779b1u; }

/* Fills in the key and returns its hash. */
static uint32_t make_key(struct key *key, uint32_t ids, UNPAIRED_CALL_PARAMETERS)
{
    uint32_t source, hash, depth = 0;
    const uintptr_t low = unpaired_ram.root.text_low;
    key->owner = unpaired_owner_now(&source);
    hash = mix(key->owner ^ ids << 16, caller);
    key->frame[0] = (caller - low) / UNPAIRED_FRAME_UNIT;
    if (caller - low < UNPAIRED_FRAME_WINDOW)
        depth = 1;
#if UNPAIRED_FRAMES > 1
    {
        const uintptr_t units = (unpaired_ram.root.text_high - low) / UNPAIRED_FRAME_UNIT;
        const uintptr_t *end = unpaired_port_stack_end(cfa), *word = cfa, *before = cfa;
        if ((uintptr_t)end - (uintptr_t)cfa > UNPAIRED_SCAN_WORDS * sizeof *cfa)
            end = end > cfa ? cfa + UNPAIRED_SCAN_WORDS : cfa;
        if (depth == 0)
            end = cfa;
        while (word < end) {
            const uintptr_t code = unpaired_code_units(*word++, low);
            if (code < units && code >= 8 && unpaired_behind_call(low + code * UNPAIRED_FRAME_UNIT)) {
                const uintptr_t frame = (uintptr_t)(word - 1 - before) << UNPAIRED_OFFSET_BITS | code;
                before = word - 1;
                hash = mix(hash, frame);
                key->frame[depth] = frame;
                if (++depth == UNPAIRED_FRAMES)
                    break;
            }
        }
    }
#endif
    key->head = (ids & 0xffffu) | (depth | source << UNPAIRED_RAM_SITE_SOURCE_SHIFT)
                                      << UNPAIRED_KEY_DEPTH_SHIFT;
    return hash;
}

static uint32_t *head_of(struct unpaired_site *site) { return (uint32_t *)(void *)&site->head.function; }

/* The site of the key, or where it could be: a free entry, else a dead one, else null. *found tells which. */
static struct unpaired_site *find_site(const struct key *key, uint32_t hash, int *found)
{
    struct unpaired_site *room = 0;
    struct unpaired_site *site = &unpaired_ram.site[(hash >> 16) * UNPAIRED_SITES >> 16];
    unsigned left = UNPAIRED_SITE_WINDOW;
    *found = 0;
    do {
        const uint32_t head = *head_of(site);
        if (site->head.function == 0)
            return room ? room : site;
        if (((head ^ key->head) & UNPAIRED_KEY_MASK) == 0 && site->head.owner == key->owner) {
            unsigned n = key->head >> UNPAIRED_KEY_DEPTH_SHIFT & UNPAIRED_RAM_SITE_DEPTH_MASK;
            while (n > 0 && site->frame[n - 1] == key->frame[n - 1])
                n--;
            if (n == 0) {
                *found = 1;
                return site;
            }
        }
        if (room == 0 && site->head.live == 0)
            room = site;
        if (++site == &unpaired_ram.site[UNPAIRED_SITES])
            site = unpaired_ram.site;
    } while (--left != 0);
    return room;
}

/* Inside the lock. Gives an entry to a key. */
static void intern(struct unpaired_site *site, const struct key *key)
{
    const uint32_t generation = (*head_of(site) & ~UNPAIRED_KEY_MASK) + UNPAIRED_KEY_MASK + 1u;
    unsigned n = key->head >> UNPAIRED_KEY_DEPTH_SHIFT & UNPAIRED_RAM_SITE_DEPTH_MASK;
    site->head.owner = key->owner;
    *head_of(site) = key->head | generation;
    site->head.acquired = 0;
    while (n-- > 0)
        site->frame[n] = key->frame[n];
    unpaired_ram.root.site_changes++;
    unpaired_site_untold((uint32_t)(site - unpaired_ram.site));
}

/* Inside the lock. The packed number of an acquisition; the first is number 0. */
static uint32_t next_sequence(void)
{
    unpaired_root *root = &unpaired_ram.root;
    const uint32_t sequence = root->sequence++;
    uint32_t shift = root->sequence_shift;
    if (sequence >> shift > 0xffffu)
        root->sequence_shift = (uint8_t)++shift;
    return unpaired_sequence_pack(sequence, shift);
}

uint32_t unpaired_acquire(uint32_t ids, uintptr_t handle, size_t size, UNPAIRED_CALL_PARAMETERS)
{
    struct key key;
    uint32_t hash = make_key(&key, ids, UNPAIRED_CALL_PASSED), number = 0, packed;
    uintptr_t state;
    for (;;) {
        const uint32_t changes = *(volatile uint32_t *)&unpaired_ram.root.site_changes;
        int found;
        struct unpaired_site *site = find_site(&key, hash, &found);
        if (!found && !unpaired_ready) {
            unpaired_set_up();
            hash = make_key(&key, ids, UNPAIRED_CALL_PASSED);
            continue;
        }
        state = unpaired_port_lock();
        if (changes == unpaired_ram.root.site_changes && (found || !site || site->head.live == 0)) {
            if (site) {
                if (!found)
                    intern(site, &key);
                site->head.acquired++;
                site->head.live++;
                number = (uint32_t)(site - unpaired_ram.site) + 1u;
                unpaired_event_put(UNPAIRED_EVENT_ACQUIRE, unpaired_function_of(ids), handle,
                                   number | (uint32_t)site->head.generation << 24, (uint32_t)size);
            } else {
                unpaired_ram.root.drops[UNPAIRED_RAM_DROP_SITE]++;
                unpaired_event_put(UNPAIRED_EVENT_ACQUIRE_AT, unpaired_function_of(ids), handle, caller,
                                   (uint32_t)size);
            }
            break;
        }
        unpaired_port_unlock(state);
    }
    packed = next_sequence();
    unpaired_port_unlock(state);
    return packed << UNPAIRED_HEADER_SITE_BITS | number;
}
