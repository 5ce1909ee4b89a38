/* Releases that failed or should not have been: counted up by kind and place. */
#include "firmware_recorder.h"

#if UNPAIRED_ANOMALIES > 0
/* struct unpaired_ram_anomaly_* with its small fields in whole words: kind, function, observer and space; site and
 * result; each from the lowest byte up. */
struct __attribute__((may_alias)) entry {
    uint32_t what;
#if UINTPTR_MAX > 0xffffffffu
    uint32_t told;
    uintptr_t place;
    uint32_t count, reserved;
#else
    uintptr_t place;
    uint32_t told, count;
#endif
};
UNPAIRED_STATIC_ASSERT(sizeof(struct entry) == sizeof(unpaired_anomaly) &&
                           offsetof(struct entry, place) == offsetof(unpaired_anomaly, place) &&
                           offsetof(struct entry, told) == offsetof(unpaired_anomaly, acquire_site) &&
                           offsetof(struct entry, count) == offsetof(unpaired_anomaly, count),
                       anomaly_is_as_the_image_has_it);
#endif

void unpaired_anomaly_seen(uint32_t kind, uint32_t ids, uint32_t acquire_site, unsigned observed,
                           uintptr_t caller, int32_t result)
{
#if UNPAIRED_ANOMALIES > 0
    struct entry *entry = (struct entry *)(void *)unpaired_ram.anomaly, *const end =
                                                                            entry + UNPAIRED_ANOMALIES;
    const uint32_t what =
        kind | unpaired_function_of(ids) << 8 | (observed & 0xffu) << 16 | unpaired_space_of(ids) << 24;
    const uintptr_t place = UNPAIRED_PLACE(caller);
    const int32_t clamped = result > INT16_MAX ? INT16_MAX : result < INT16_MIN ? INT16_MIN : result;
    const uint32_t told = (acquire_site & UNPAIRED_HEADER_SITE_MASK) | (uint32_t)clamped << 16;
    uintptr_t state;
    /* Entries are never taken back, so one that was passed stays what it is. */
    for (;; entry++) {
        state = unpaired_port_lock();
        if (entry == end) {
            unpaired_ram.root.drops[UNPAIRED_RAM_DROP_ANOMALY]++;
            break;
        }
        if (entry->what == 0) {
            entry->what = what;
            entry->place = place;
            entry->told = told;
        }
        if (entry->what == what && entry->place == place && entry->told == told) {
            entry->count++;
            break;
        }
        unpaired_port_unlock(state);
    }
    unpaired_port_unlock(state);
#else
    (void)kind, (void)ids, (void)acquire_site, (void)observed, (void)caller, (void)result;
#endif
}

void unpaired_double_release(uint32_t ids, uint32_t site, uintptr_t block, uintptr_t caller)
{
    unpaired_event_now(UNPAIRED_EVENT_DOUBLE_RELEASE, ids, block, UNPAIRED_PLACE(caller), 0);
    unpaired_anomaly_seen(UNPAIRED_ANOMALY_DOUBLE_RELEASE, ids, site, 0, caller, 0);
}
