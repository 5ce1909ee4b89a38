// What happened that should not have: recorded once per distinct case, then counted.
#pragma once

#include "state.h"

namespace unpaired {

struct Anomaly {
    unpaired_anomaly_kind kind;
    unsigned space, function;
    uint32_t acquire_site = 0, release_site = 0, first_release_site = 0;
    int64_t result = 0;
    int error = 0;
    unsigned observed = 0;
    int observed_result = 0;
    uint64_t handle = 0, size = 0;
};
void record_anomaly(const Anomaly &anomaly);
void forget_anomalies_of_parent();

} // namespace unpaired
