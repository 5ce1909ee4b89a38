// A signal handler may interrupt us anywhere and leave by longjmp, and SIGKILL come at any moment. So each event stands
// before one store that makes it count (its first byte), and one more that moves on behind it; what was not moved behind
// is overwritten by the next event. What is remembered besides is stored so that half of it is merely of no use.
#include "event_log.h"

#include "mapping.h"
#include "unpaired/trace_events.h"

#include <cstring>

namespace unpaired {
namespace {

constexpr uint32_t smallest_pages = 1, largest_pages = 64;
/// Of the file, so that the ledger still grows when the events have filled the rest.
constexpr uint64_t most_of_file_eighths = 7;

constexpr uint64_t one_acquisition = uint64_t{1} << 32;
constexpr uint32_t no_last_size = UINT32_MAX;

// The ordinal of each slot's acquisition, 0 where it was not logged or its release was: a slot belongs to one shard,
// whose thread alone reads and writes it here. Two levels, since slots lie anywhere in the file.
constexpr uint32_t leaf_size = 1024;
uint32_t **ordinals;

uint32_t *ordinal_of(uint32_t slot)
{
    uint32_t *&place = ordinals[slot / leaf_size];
    uint32_t *leaf = load(place, __ATOMIC_ACQUIRE);
    if (UNPAIRED_UNLIKELY(leaf == nullptr)) {
        auto *fresh = static_cast<uint32_t *>(sys::anonymous(leaf_size * sizeof(uint32_t)));
        if (fresh == nullptr)
            return nullptr;
        if (__atomic_compare_exchange_n(&place, &leaf, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            leaf = fresh;
        else
            sys::call(SYS_munmap, sys::of(fresh), leaf_size * sizeof(uint32_t));
    }
    return &leaf[slot % leaf_size];
}

/// Keeps the compiler from moving stores across; the processor sees them in order of program when it is interrupted.
void in_this_order() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

uint32_t acquisitions(const EventLog &log) { return static_cast<uint32_t>(log.at >> 32); }

bool has_room()
{
    const uint64_t pages = load(process.capacity) / UNPAIRED_TRACE_PAGE;
    return load(process.file->next_page) + uint64_t{largest_pages} < pages / 8 * most_of_file_eighths;
}

/// Goes on in a new extent, from `time_ms`.
bool next_extent(Thread &thread, uint32_t time_ms)
{
    EventLog &log = thread.events;
    const bool ordinals_left = acquisitions(log) < UINT32_MAX - largest_pages * UNPAIRED_TRACE_PAGE;
    uint32_t pages = log.pages * 2;
    pages = pages < smallest_pages ? smallest_pages : pages > largest_pages ? largest_pages : pages;
    unpaired_extent *extent =
        ordinals_left && has_room() ? new_extent(UNPAIRED_EXTENT_EVENTS, pages, thread.shard) : nullptr;
    if (extent == nullptr)
        return false;
    auto *header = reinterpret_cast<unpaired_events *>(extent + 1);
    header->acquired = acquisitions(log);
    header->number = log.number;
    header->time_ms = time_ms;
    log.room = 0; // until the rest is right
    in_this_order();
    log.events = reinterpret_cast<uint8_t *>(header + 1);
    log.pages = pages;
    log.base_ms = log.time_ms = time_ms;
    log.at = uint64_t{acquisitions(log)} << 32;
    in_this_order();
    log.number++;
    log.room = static_cast<uint32_t>(pages * UNPAIRED_TRACE_PAGE - sizeof *extent - sizeof *header);
    return true;
}

/// Room for `events` events of up to 8 bytes, which then lie in one extent: times and sizes are said in it.
bool make_room(Thread &thread, uint32_t events, uint32_t time_ms)
{
    const EventLog &log = thread.events;
    return UNPAIRED_LIKELY(static_cast<uint32_t>(log.at) + events * UNPAIRED_LOGGED_BYTES <= log.room) ||
           next_extent(thread, time_ms);
}

/// There is room. `acquired`: 0 or one_acquisition.
void put(EventLog &log, unpaired_logged_event_word event, uint64_t acquired = 0)
{
    uint8_t *at = log.events + static_cast<uint32_t>(log.at);
    const uint64_t behind = event.bytes >> 8;
    memcpy(at + 1, &behind, UNPAIRED_LOGGED_BYTES - 1);
    __atomic_store_n(at, static_cast<uint8_t>(event.bytes), __ATOMIC_RELEASE);
    in_this_order();
    log.at += acquired + event.length;
    in_this_order();
}

void put(EventLog &log, unpaired_logged_event kind, uint64_t number)
{
    unpaired_logged_event_word event{};
    unpaired_logged_event_put(&event, number << 2 | kind);
    put(log, event);
}

void put(EventLog &log, unpaired_logged_other kind, uint64_t number)
{
    unpaired_logged_event_word event{};
    unpaired_logged_event_put(&event, unsigned{kind} << 2 | UNPAIRED_LOGGED_OTHER);
    unpaired_logged_event_put(&event, number < UNPAIRED_LOGGED_LARGEST ? number : UNPAIRED_LOGGED_LARGEST);
    put(log, event);
}

void put_time(EventLog &log, uint32_t time_ms)
{
    if (UNPAIRED_LIKELY(time_ms == log.time_ms))
        return;
    put(log, UNPAIRED_LOGGED_TIME, time_ms - log.base_ms);
    log.time_ms = time_ms;
}

/// For an event of now, of up to `events` parts: room, and its time. False: it is lost.
bool begin(Thread &thread, uint32_t events)
{
    const uint32_t time_ms = now_ms();
    if (!make_room(thread, events, time_ms)) {
        count_drop(UNPAIRED_DROP_EVENT);
        return false;
    }
    put_time(thread.events, time_ms);
    return true;
}

/// The size stands behind the site where there is room for it, else before, in an event of its own.
unpaired_logged_event_word sized(EventLog &log, uint32_t site, uint64_t size)
{
    constexpr uint64_t short_size = (1u << 28) - 2; // four bytes, beside four for a site
    unpaired_logged_event_word event{};
    unpaired_logged_event_put(&event, uint64_t{site} << 2 | UNPAIRED_LOGGED_ACQUIRED_SIZED);
    const bool fits = size <= short_size && event.length <= 4;
    if (!fits)
        put(log, UNPAIRED_LOGGED_SIZE, size);
    unpaired_logged_event_put(&event, fits ? size + 1 : 0);
    return event;
}

/// The ordinal of a slot that is being retired, which is then forgotten; 0 if its acquisition was not logged.
uint32_t forget(uint32_t slot)
{
    uint32_t *place = ordinal_of(slot);
    if (place == nullptr)
        return 0;
    const uint32_t ordinal = *place;
    *place = 0;
    return ordinal;
}

} // namespace

bool prepare_event_log()
{
    const uint64_t slots = process.capacity / sizeof(unpaired_slot);
    ordinals = static_cast<uint32_t **>(sys::anonymous((slots / leaf_size + 1) * sizeof(uint32_t *)));
    return ordinals != nullptr;
}

namespace event_log {

void acquired(Thread &thread, uint32_t slot, uint32_t site, uint64_t size, unpaired_counter &counter)
{
    EventLog &log = thread.events;
    const uint32_t time_ms = slot_at(slot)->time_ms;
    uint32_t *ordinal = ordinal_of(slot);
    if (ordinal == nullptr || !make_room(thread, 3, time_ms)) {
        count_drop(UNPAIRED_DROP_EVENT);
        return;
    }
    *ordinal = 0;
    put_time(log, time_ms);
    if (UNPAIRED_LIKELY(size == counter.last_size && size != no_last_size)) {
        unpaired_logged_event_word event{};
        unpaired_logged_event_put(&event, uint64_t{site} << 2 | UNPAIRED_LOGGED_ACQUIRED);
        put(log, event, one_acquisition);
    } else {
        const unpaired_logged_event_word event = sized(log, site, size);
        counter.last_size = no_last_size;
        in_this_order();
        put(log, event, one_acquisition);
        counter.last_size = size < no_last_size ? static_cast<uint32_t>(size) : no_last_size;
    }
    *ordinal = acquisitions(log);
}

void released(Thread &thread, uint32_t slot)
{
    EventLog &log = thread.events;
    const uint32_t ordinal = forget(slot);
    if (ordinal == 0 || !begin(thread, 2))
        return;
    const uint32_t since = acquisitions(log) - ordinal;
    const uint8_t flags = slot_at(slot)->flags;
    if (UNPAIRED_LIKELY((flags & (UNPAIRED_SLOT_UNSEEN | UNPAIRED_SLOT_LOST)) == 0))
        put(log, UNPAIRED_LOGGED_RELEASED, since);
    else
        put(log, (flags & UNPAIRED_SLOT_LOST) != 0 ? UNPAIRED_LOGGED_LOST : UNPAIRED_LOGGED_UNSEEN, since);
}

void resized(Thread &thread, uint32_t slot, uint64_t size)
{
    EventLog &log = thread.events;
    const uint32_t *ordinal = ordinal_of(slot);
    if (ordinal == nullptr || *ordinal == 0 || !begin(thread, 3))
        return;
    put(log, UNPAIRED_LOGGED_SIZE, size);
    put(log, UNPAIRED_LOGGED_RESIZED, acquisitions(log) - *ordinal);
}

void away(unpaired_slot &slot)
{
    slot.time_ms = now_ms();
    slot.flags |= UNPAIRED_SLOT_AWAY;
}

void came_home(Thread &thread, uint32_t slots)
{
    EventLog &log = thread.events;
    const uint32_t time_ms = now_ms();
    uint64_t said_in = 0, said = 0; // what LOGGED_EARLIER was, and in which extent
    for (uint32_t s = slots; s != 0; s = slot_at(s)->next) {
        unpaired_slot &slot = *slot_at(s);
        const uint32_t ordinal = forget(s);
        if (ordinal != 0 && !make_room(thread, 3, time_ms)) {
            count_drop(UNPAIRED_DROP_EVENT);
        } else if (ordinal != 0) {
            put_time(log, time_ms);
            const uint32_t since = acquisitions(log) - ordinal;
            if ((slot.flags & (UNPAIRED_SLOT_UNSEEN | UNPAIRED_SLOT_LOST)) != 0) {
                put(log,
                    (slot.flags & UNPAIRED_SLOT_LOST) != 0 ? UNPAIRED_LOGGED_LOST : UNPAIRED_LOGGED_UNSEEN,
                    since);
            } else {
                const uint64_t earlier = time_ms - slot.time_ms;
                if (said_in != log.number || said != earlier)
                    put(log, UNPAIRED_LOGGED_EARLIER, earlier);
                said_in = log.number;
                said = earlier;
                put(log, UNPAIRED_LOGGED_CAME_HOME, since);
            }
        }
        slot.flags &= static_cast<uint8_t>(~UNPAIRED_SLOT_AWAY);
    }
}

} // namespace event_log
} // namespace unpaired
