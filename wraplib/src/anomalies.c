/* Releases that failed or should not have been: counted up by kind and place. */
#include "firmware_recorder.h"

#include <string.h>

void unpaired_anomaly_seen(uint32_t kind, uint32_t ids, uint32_t acquire_site, unsigned observed,
                           uintptr_t caller, int32_t result)
{
#if UNPAIRED_ANOMALIES > 0
    enum { told = offsetof(unpaired_anomaly, count) };
    unpaired_anomaly wanted, *entry = unpaired_ram.anomaly;
    uintptr_t state;
    memset(&wanted, 0, sizeof wanted);
    wanted.kind = (uint8_t)kind;
    wanted.function = (uint8_t)ids;
    wanted.observed = (uint8_t)observed;
    wanted.space = (uint8_t)unpaired_space_of(ids);
    wanted.place = UNPAIRED_PLACE(caller);
    wanted.acquire_site = (uint16_t)(acquire_site & UNPAIRED_HEADER_SITE_MASK);
    wanted.result = (int16_t)(result > INT16_MAX ? INT16_MAX : result < INT16_MIN ? INT16_MIN : result);
    /* Entries are never taken back, so one that was passed stays what it is. */
    for (; entry != &unpaired_ram.anomaly[UNPAIRED_ANOMALIES]; entry++) {
        state = unpaired_port_lock();
        if (entry->kind == 0)
            *entry = wanted;
        if (memcmp(entry, &wanted, told) == 0) {
            entry->count++;
            unpaired_port_unlock(state);
            return;
        }
        unpaired_port_unlock(state);
    }
    state = unpaired_port_lock();
    unpaired_ram.root.drops[UNPAIRED_RAM_DROP_ANOMALY]++;
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
