/* The ring of events, and the records that leave the device (stream_format.h). Events are put into the ring inside the
 * lock, and framed and sent outside. */
#include "firmware_recorder.h"

#if UNPAIRED_RING > 0

#include <errno.h>
#include <string.h>

struct unpaired_ring unpaired_ring;

/* After so many events one site is told again, each in its turn. */
#define UNPAIRED_TELL_AGAIN 16u

static struct {
    uint8_t busy;                       /* somebody is in unpaired_poll() */
    uint8_t begun;                      /* STREAM is out */
    uint16_t next;                      /* site to tell again */
    struct unpaired_record_clock clock; /* as last sent */
} sender;

/* Completes a record of `length` bytes, a multiple of 8, and offers it. */
static int send(struct unpaired_record *record, uint8_t type, size_t length)
{
    const uint16_t words = (uint16_t)(length / 8u);
    record->sync = UNPAIRED_RECORD_SYNC;
    record->type = type;
    record->words = words;
    record->check = unpaired_record_check(type, words, record + 1);
    return unpaired_sink_write(record, length);
}

static int send_begin(void)
{
    struct {
        struct unpaired_record header;
        struct unpaired_record_stream stream;
        uint8_t build_id[64];
    } record;
    const uint32_t *note = (const uint32_t *)(uintptr_t)unpaired_ram.root.build_id;
    uint32_t length = 0;
    memset(&record, 0, sizeof record);
    record.stream.version = UNPAIRED_STREAM_VERSION;
    record.stream.address_size = sizeof(uintptr_t);
    if (note) { /* Elf32_Nhdr: length of the name, length of the description, type; name and description follow */
        length = note[1] <= sizeof record.build_id ? note[1] : 0;
        memcpy(record.build_id, (const char *)(note + 3) + ((note[0] + 3u) & ~3u), length);
    }
    record.stream.build_id_len = (uint16_t)length;
    return send(&record.header, UNPAIRED_RECORD_STREAM,
                sizeof record - sizeof record.build_id + ((length + 7u) & ~7u));
}

static int send_site(uint32_t index)
{
    struct {
        struct unpaired_record header;
        struct unpaired_record_scan_site site;
        uintptr_t frame[UNPAIRED_FRAMES + 1]; /* one more: padding */
    } record;
    const struct unpaired_site *site = &unpaired_ram.site[index];
    uint32_t head, depth;
    if (index >= UNPAIRED_SITES)
        return 1;
    memset(&record, 0, sizeof record);
    do { /* an interrupt may give a dead site away in the middle of it */
        head = *(const volatile uint32_t *)&site->head;
        record.site.owner = site->owner;
        memcpy(record.frame, site->frame, sizeof site->frame);
    } while (head != *(const volatile uint32_t *)&site->head);
    if (head == 0)
        return 1;
    depth = unpaired_depth_of(head);
    record.site.site = (uint16_t)(index + 1u);
    record.site.generation = (uint8_t)(head >> UNPAIRED_HEAD_GENERATION_SHIFT);
    record.site.depth = (uint8_t)depth;
    record.site.function = (uint8_t)unpaired_function_of(head);
    record.site.family = (uint8_t)unpaired_family_of(head);
    record.site.owner_source = (uint8_t)(head >> UNPAIRED_HEAD_SOURCE_SHIFT & 7u);
    record.site.frame_offset_bits = UNPAIRED_OFFSET_BITS;
    record.site.frame_unit = UNPAIRED_FRAME_UNIT;
    record.site.frame_size = sizeof(uintptr_t);
    record.site.text_low = unpaired_ram.root.text_low;
    if (depth * sizeof(uintptr_t) % 8u != 0)
        record.frame[depth] = 0;
    return send(&record.header, UNPAIRED_RECORD_SCAN_SITE,
                (sizeof record.header + sizeof record.site + depth * sizeof(uintptr_t) + 7u) & ~(size_t)7u);
}

/* A site that has not been told since it was interned. */
static int send_untold(uint32_t index)
{
    uint8_t *const untold = &unpaired_ring.untold[index >> 3];
    const uint8_t bit = (uint8_t)(1u << (index & 7u));
    uintptr_t state;
    if (index >= UNPAIRED_SITES || (*(volatile uint8_t *)untold & bit) == 0)
        return 1;
    state = unpaired_port_lock();
    *untold &= (uint8_t)~bit; /* before it is read: who interns it now sets it again */
    unpaired_port_unlock(state);
    if (send_site(index))
        return 1;
    state = unpaired_port_lock();
    *untold |= bit;
    unpaired_port_unlock(state);
    return 0;
}

static int send_clock(void)
{
    struct {
        struct unpaired_record header;
        struct unpaired_record_clock clock;
    } record;
    unpaired_root *root = &unpaired_ram.root;
    const uint32_t now = root->time_ms = unpaired_port_time_ms();
    record.clock.time_ms = now;
    record.clock.cycle = root->cycle;
    memcpy(record.clock.drops, root->drops, sizeof root->drops);
    if (now - sender.clock.time_ms < 1000u &&
        memcmp(&record.clock.drops, sender.clock.drops, sizeof record.clock.drops) == 0)
        return 1;
    if (!send(&record.header, UNPAIRED_RECORD_CLOCK, sizeof record))
        return 0;
    sender.clock = record.clock;
    return 1;
}

/* The entry of the ring at `tail`. Returns how many entries that took, 0 if the sink did not. */
static uint32_t send_entry(uint32_t tail)
{
    const unpaired_event_entry *entry = &unpaired_ring.entry[tail & (UNPAIRED_RING - 1)];
    if (entry->what == UNPAIRED_EVENT_MARK) {
        struct {
            struct unpaired_record header;
            struct unpaired_record_mark mark;
            char name[UNPAIRED_MARK_NAME_MAX];
        } record;
        memset(&record, 0, sizeof record);
        record.mark.image = 1;
        record.mark.cycle = (uint32_t)entry->handle;
        record.mark.time_ms = (uint32_t)entry->place;
        if (entry->value) {
            memcpy(record.name, &unpaired_ring.entry[(tail + 1u) & (UNPAIRED_RING - 1)], sizeof record.name);
            while (record.mark.name_len < sizeof record.name && record.name[record.mark.name_len])
                record.mark.name_len++;
        }
        if (!send(&record.header, UNPAIRED_RECORD_MARK,
                  sizeof record - sizeof record.name + ((record.mark.name_len + 7u) & ~7u)))
            return 0;
        return 1u + entry->value;
    } else {
        struct {
            struct unpaired_record header;
            unpaired_event_entry event;
        } record;
        if (entry->what == UNPAIRED_EVENT_ACQUIRE && !send_untold((uint32_t)(entry->place & 0xffffu) - 1u))
            return 0;
        record.event = *entry;
        return (uint32_t)send(&record.header, UNPAIRED_RECORD_EVENT_HERE, sizeof record) != 0;
    }
}

unsigned unpaired_poll(void)
{
    uintptr_t state = unpaired_port_lock();
    const unsigned busy = sender.busy;
    uint32_t tail = unpaired_ring.tail, end = unpaired_ring.head;
    unsigned sent = 0;
    int nested;
    if (!busy) /* else whoever sends may have ended just now, on another core, and would be thought at it for ever */
        sender.busy = 1;
    unpaired_port_unlock(state);
    if (busy)
        return 0;
    nested = unpaired_enter(); /* what the sink acquires is not recorded, where nesting is followed */
    unpaired_set_up();
    if (!sender.begun)
        sender.begun = send_begin() != 0;
    /* What comes in meanwhile is for the next time: a sink that allocates would never come to an end. */
    while (sender.begun && send_clock() && tail != end) {
        const uint32_t taken = send_entry(tail);
        if (taken == 0)
            break;
        tail += taken;
        unpaired_ring.tail = tail;
        sent++;
        if (tail % UNPAIRED_TELL_AGAIN == 0) {
            sender.next = (uint16_t)(sender.next + 1u < UNPAIRED_SITES ? sender.next + 1u : 0u);
            (void)send_site(sender.next);
        }
    }
    if (!nested)
        unpaired_leave();
    state = unpaired_port_lock(); /* what was sent is seen by whoever sends next */
    sender.busy = 0;
    unpaired_port_unlock(state);
    return sent;
}

#if UNPAIRED_SEND_AT_ONCE
void unpaired_send_now(void)
{
    const int error = errno; /* the hooked function's */
    unpaired_poll();
    errno = error;
}
#endif

void unpaired_mark_copy(unpaired_mark_name *copy, const char *name)
{
    size_t i;
    memset(copy, 0, sizeof *copy);
    for (i = 0; name && *name && i < sizeof copy->text; i++)
        copy->text[i] = *name++;
}

/* Takes two entries where there is a name. */
void unpaired_mark_put(const unpaired_mark_name *name)
{
    const uint32_t head = unpaired_ring.head, named = name->text[0] != 0;
    if (head + 1u + named - unpaired_ring.tail > UNPAIRED_RING) {
        unpaired_ram.root.drops[UNPAIRED_RAM_DROP_EVENT]++;
        return;
    }
    unpaired_event_put(UNPAIRED_EVENT_MARK, 0, unpaired_ram.root.cycle, unpaired_ram.root.time_ms, named);
    unpaired_ring.number--; /* it is none of the events */
    if (named)
        unpaired_ring.entry[(head + 1u) & (UNPAIRED_RING - 1)] = name->entry;
    unpaired_ring.head += named;
}

void unpaired_event_put(uint32_t what, uint32_t ids, uintptr_t handle, uintptr_t place, uint32_t value)
{
    const uint32_t head = unpaired_ring.head, number = unpaired_ring.number;
    unpaired_event_entry *const entry = &unpaired_ring.entry[head & (UNPAIRED_RING - 1)];
    unpaired_ring.number = number + 1u;
    if (head - unpaired_ring.tail >= UNPAIRED_RING) {
        unpaired_ram.root.drops[UNPAIRED_RAM_DROP_EVENT]++;
        return;
    }
    entry->what = (uint8_t)what;
    entry->function = (uint8_t)ids;
    entry->number = (uint16_t)number;
    entry->handle = handle;
    entry->place = place;
    entry->value = value;
    unpaired_ring.head = head + 1u;
}

void unpaired_event_now(uint32_t what, uint32_t ids, uintptr_t handle, uintptr_t place, uint32_t value)
{
    const uintptr_t state = unpaired_port_lock();
    unpaired_event_put(what, ids, handle, place, value);
    unpaired_port_unlock(state);
    unpaired_send_now();
}

#else

unsigned unpaired_poll(void) { return 0; }

#endif
