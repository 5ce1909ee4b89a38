/* Releases that failed or should not have been: counted up by kind and place. */
#include "recorder.h"

void unpaired_anomaly_seen(uint32_t kind, uint32_t ids, uint32_t acquire_site, unsigned observed,
                           uintptr_t caller, int32_t result)
{
#if UNPAIRED_ANOMALIES > 0
    const unsigned function = unpaired_function_of(ids);
    const uint16_t site = (uint16_t)(acquire_site & UNPAIRED_HEADER_SITE_MASK);
    const uintptr_t place = UNPAIRED_PLACE(caller);
    const int16_t clamped = (int16_t)(result > INT16_MAX   ? INT16_MAX
                                      : result < INT16_MIN ? INT16_MIN
                                                           : result);
    unpaired_anomaly *entry = unpaired_ram.anomaly;
    /* Entries are never taken back, so the one that is found stays what it is. */
    while (entry != &unpaired_ram.anomaly[UNPAIRED_ANOMALIES]) {
        uintptr_t state = unpaired_port_lock();
        if (entry->kind == 0) {
            entry->function = (uint8_t)function;
            entry->observed = (uint8_t)observed;
            entry->space = (uint8_t)unpaired_space_of(ids);
            entry->place = place;
            entry->acquire_site = site;
            entry->result = clamped;
            entry->kind = (uint8_t)kind;
            unpaired_ram.root
                .site_changes++; /* its site is kept from now on: who was about to take it looks again */
        }
        if (entry->kind == kind && entry->function == function && entry->acquire_site == site &&
            entry->place == place && entry->result == clamped) {
            entry->count++;
            unpaired_port_unlock(state);
            return;
        }
        unpaired_port_unlock(state);
        entry++;
    }
    {
        const uintptr_t state = unpaired_port_lock();
        unpaired_ram.root.drops[UNPAIRED_RAM_DROP_ANOMALY]++;
        unpaired_port_unlock(state);
    }
#else
    (void)kind, (void)ids, (void)acquire_site, (void)observed, (void)caller, (void)result;
#endif
}

void unpaired_double_release(uint32_t ids, uint32_t site, uintptr_t block, uintptr_t caller)
{
    const uintptr_t state = unpaired_port_lock();
    (void)block;
    unpaired_event_put(UNPAIRED_EVENT_DOUBLE_RELEASE, unpaired_function_of(ids), block,
                       UNPAIRED_PLACE(caller), 0);
    unpaired_port_unlock(state);
    unpaired_anomaly_seen(UNPAIRED_ANOMALY_DOUBLE_RELEASE, ids, site, 0, caller, 0);
}
