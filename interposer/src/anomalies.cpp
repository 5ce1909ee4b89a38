#include "anomalies.h"

#include "intern_table.h"
#include "mapping.h"

namespace unpaired {
namespace {

InternTable cases; // hash of what makes a case → offset of its record in the file, divided by 8

int32_t clamp(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : static_cast<int32_t>(value);
}

} // namespace

void record_anomaly(const Anomaly &anomaly)
{
    uint64_t key = mix(uint64_t{anomaly.function} << 16 | anomaly.kind,
                       uint64_t{anomaly.acquire_site} << 32 | anomaly.release_site);
    key = mix(key, uint64_t{anomaly.first_release_site} << 32 | static_cast<uint32_t>(anomaly.error));
    key = mix(key, static_cast<uint32_t>(clamp(anomaly.result)));
    key |= key == 0;
    const uint32_t cycle = load(process.file->cycle);
    if (const uint32_t known = cases.find(key); known != 0) {
        auto *record = reinterpret_cast<unpaired_record_anomaly *>(process.base + uint64_t{known} * 8);
        add(record->count, 1u);
        add(record->bytes, anomaly.size);
        if (load(record->last_cycle) != cycle) {
            store(record->last_cycle, cycle);
            add(record->cycles, 1u);
        }
        store(record->last_ms, now_ms());
        return;
    }
    unpaired_record_anomaly record{};
    record.image = own_image();
    record.kind = static_cast<uint8_t>(anomaly.kind);
    record.space = static_cast<uint8_t>(anomaly.space);
    record.function = static_cast<uint16_t>(anomaly.function);
    record.observed = static_cast<uint16_t>(anomaly.observed);
    record.acquire_site = anomaly.acquire_site;
    record.release_site = anomaly.release_site;
    record.first_release_site = anomaly.first_release_site;
    record.result = clamp(anomaly.result);
    record.error = anomaly.error;
    record.observed_result = anomaly.observed_result;
    record.first_ms = record.last_ms = now_ms();
    record.handle = anomaly.handle;
    record.size = record.bytes = anomaly.size;
    record.cycles = record.count = 1;
    record.last_cycle = cycle;
    if (const void *at = append(UNPAIRED_RECORD_ANOMALY, record); at != nullptr)
        cases.insert(key, static_cast<uint32_t>((static_cast<const uint8_t *>(at) - process.base) / 8));
}

void forget_anomalies_of_parent() { cases.forget(); }

} // namespace unpaired
