/* What is live and is not memory: sockets, queues, locks. A table of its own, by open addressing: searched outside the
 * lock, and what was found is verified inside. */
#include "firmware_recorder.h"

#if UNPAIRED_HANDLES > 0

/* How far from where its hash points an entry has ever been put: no search goes further. */
static uint16_t reach;

static uint32_t hash_of(unsigned space, uintptr_t handle)
{
    const uint32_t mixed = ((uint32_t)handle ^ space << 24) * 0x9e3779b1u;
    return (mixed >> 16) * UNPAIRED_HANDLES >> 16;
}

/* The entry `distance` behind where the hash points. */
static unpaired_handle *entry_at(uint32_t hash, uint32_t distance)
{
    const uint32_t index = hash + distance;
    return &unpaired_ram.handle[index < UNPAIRED_HANDLES ? index : index - UNPAIRED_HANDLES];
}

static int holds(const unpaired_handle *entry, unsigned space, uintptr_t handle)
{
    return entry->packed != 0 && entry->handle == handle && entry->space == space;
}

/* The entry of a handle; if `token` is not 0, that acquisition of it. */
static __attribute__((noinline)) unpaired_handle *find(unsigned space, uintptr_t handle, uint32_t token)
{
    const uint32_t hash = hash_of(space, handle);
    uint32_t distance;
    for (distance = 0; distance <= reach; distance++) {
        unpaired_handle *entry = entry_at(hash, distance);
        if (holds(entry, space, handle) && (token == 0 || entry->packed == token))
            return entry;
    }
    return 0;
}

/* Releases of what was not known while somebody was creating: it may be what is being created. */
static struct {
    uintptr_t handle;
    uint32_t ids;
} early[4];
static uint8_t creating, early_next;

void unpaired_handle_acquired(uint32_t ids, uintptr_t handle, size_t size, UNPAIRED_CALL_PARAMETERS)
{
    const unsigned kind = unpaired_kind_of(ids);
    uint32_t packed, distance, hash;
    uintptr_t state;
    if (kind != UNPAIRED_KIND_COUNTED && kind != UNPAIRED_KIND_HELD) { /* those have several at a time */
        packed = unpaired_release_begin(ids, handle);
        if (packed != 0)
            unpaired_release_end(ids | (kind == UNPAIRED_KIND_IN_PLACE ? UNPAIRED_OUTCOME_REINITIALISED
                                                                       : UNPAIRED_OUTCOME_REPLACED)
                                           << UNPAIRED_OUTCOME_SHIFT,
                                 packed, handle, caller, 0);
    }
    hash = hash_of(unpaired_space_of(ids), handle);
    packed = (uint32_t)unpaired_acquire(ids, handle, size, UNPAIRED_CALL_PASSED);
    if ((packed & UNPAIRED_HEADER_SITE_MASK) == 0)
        packed |= UNPAIRED_RAM_NO_SITE;
    for (distance = 0; distance < UNPAIRED_HANDLES; distance++) {
        unpaired_handle *entry = entry_at(hash, distance);
        if (entry->packed != 0)
            continue;
        state = unpaired_port_lock();
        if (entry->packed == 0) {
            entry->handle = handle;
            entry->space = (uint8_t)unpaired_space_of(ids);
            entry->observed = entry->failed = 0;
            entry->generation++;
            entry->packed = packed;
            if (reach < distance)
                reach = (uint16_t)distance;
            unpaired_port_unlock(state);
            break;
        }
        unpaired_port_unlock(state);
    }
    if (distance == UNPAIRED_HANDLES) {
        state = unpaired_port_lock();
        unpaired_ram.root.drops[UNPAIRED_RAM_DROP_HANDLE]++;
        unpaired_site_lost(packed);
        unpaired_port_unlock(state);
    }
    unpaired_send_now();
}

uint32_t unpaired_release_begin(uint32_t ids, uintptr_t handle)
{
    const unpaired_handle *entry = find(unpaired_space_of(ids), handle, 0);
    return entry ? entry->packed : 0;
}

/* By outcome: the event, and the kind of anomaly. */
static const struct {
    uint8_t event, anomaly;
} told_of[] = {{UNPAIRED_EVENT_RELEASE, 0},
               {UNPAIRED_EVENT_RELEASE_ERROR, UNPAIRED_ANOMALY_RELEASED_WITH_ERROR},
               {UNPAIRED_EVENT_RELEASE_FAILED, UNPAIRED_ANOMALY_RELEASE_FAILED},
               {0, 0}, /* the acquisition that follows tells it */
               {UNPAIRED_EVENT_REINITIALISED, UNPAIRED_ANOMALY_REINITIALISED_LIVE},
               {UNPAIRED_EVENT_RELEASE_UNKNOWN, UNPAIRED_ANOMALY_RELEASE_UNKNOWN}};

void unpaired_release_end(uint32_t ids, uint32_t token, uintptr_t handle, uintptr_t caller, int32_t result)
{
    uint32_t outcome = ids >> UNPAIRED_OUTCOME_SHIFT, observed = 0;
    unpaired_handle *entry = token ? find(unpaired_space_of(ids), handle, token) : 0;
    uintptr_t state;
    if (token == 0 && outcome == UNPAIRED_OUTCOME_STAYS)
        outcome = UNPAIRED_OUTCOME_UNKNOWN;
    state = unpaired_port_lock();
    if (token != 0) {
        if (entry == 0 || entry->packed != token)
            goto out; /* handed out again, or released by another hook inside the call: that one was recorded */
        observed = entry->observed;
        if (outcome == UNPAIRED_OUTCOME_STAYS) {
            entry->failed += entry->failed != 255;
        } else {
            unpaired_site_lost(token);
            entry->packed = 0;
        }
    } else if (creating != 0) {
        early[early_next & 3u].handle = handle;
        early[early_next++ & 3u].ids = ids;
    }
    if (told_of[outcome].event != 0)
        unpaired_event_put(told_of[outcome].event, ids, handle, UNPAIRED_PLACE(caller), (uint32_t)result);
    unpaired_port_unlock(state);
    /* what lies in place may have been initialised statically */
    if (told_of[outcome].anomaly != 0 && (token != 0 || unpaired_kind_of(ids) != UNPAIRED_KIND_IN_PLACE))
        unpaired_anomaly_seen(told_of[outcome].anomaly, ids, token, observed, caller, result);
    unpaired_send_now();
    return;
out:
    unpaired_port_unlock(state);
}

void unpaired_observed(uint32_t ids, uintptr_t handle, uintptr_t caller, int32_t result)
{
    unpaired_handle *entry = find(unpaired_space_of(ids), handle, 0);
    const uintptr_t state = unpaired_port_lock();
    if (entry && holds(entry, unpaired_space_of(ids), handle))
        entry->observed = (uint8_t)unpaired_function_of(ids);
    unpaired_event_put(UNPAIRED_EVENT_OBSERVE, ids, handle, UNPAIRED_PLACE(caller), (uint32_t)result);
    unpaired_port_unlock(state);
    unpaired_send_now();
}

void unpaired_creating_begin(void)
{
    const uintptr_t state = unpaired_port_lock();
    creating++;
    unpaired_port_unlock(state);
}

void unpaired_creating_end(uint32_t ids, void *handle, size_t size, UNPAIRED_CALL_PARAMETERS)
{
    uint32_t releaser = 0;
    uintptr_t state;
    unsigned i;
    if (handle)
        unpaired_handle_acquired(ids, (uintptr_t)handle, size, UNPAIRED_CALL_PASSED);
    else
        unpaired_acquire_failed(ids, size, caller);
    state = unpaired_port_lock();
    creating--;
    for (i = 0; i < 4; i++) {
        if (handle && early[i].handle == (uintptr_t)handle)
            releaser = early[i].ids;
        if (creating == 0 || early[i].handle == (uintptr_t)handle)
            early[i].handle = 0;
    }
    unpaired_port_unlock(state);
    if (releaser != 0)
        unpaired_release_end(releaser, unpaired_release_begin(releaser, (uintptr_t)handle), (uintptr_t)handle,
                             0, 0);
}

#else /* none are followed */

void unpaired_creating_begin(void) {}
void unpaired_creating_end(uint32_t ids, void *handle, size_t size, UNPAIRED_CALL_PARAMETERS)
{
    if (handle)
        (void)unpaired_acquire(ids, (uintptr_t)handle, size, UNPAIRED_CALL_PASSED);
}

void unpaired_handle_acquired(uint32_t ids, uintptr_t handle, size_t size, UNPAIRED_CALL_PARAMETERS)
{
    (void)unpaired_acquire(ids, handle, size, UNPAIRED_CALL_PASSED);
}
uint32_t unpaired_release_begin(uint32_t ids, uintptr_t handle)
{
    (void)ids, (void)handle;
    return 0;
}
void unpaired_release_end(uint32_t ids, uint32_t token, uintptr_t handle, uintptr_t caller, int32_t result)
{
    (void)ids, (void)token, (void)handle, (void)caller, (void)result;
}
void unpaired_observed(uint32_t ids, uintptr_t handle, uintptr_t caller, int32_t result)
{
    (void)ids, (void)handle, (void)caller, (void)result;
}

#endif
