#include "anomalies.h"

#include "intern_table.h"
#include "mapping.h"

namespace unpaired {
namespace {

/// A case is known by the offset of its record in the file, divided by 8.
unpaired_record_anomaly &record_at(uint32_t offset)
{
    return *reinterpret_cast<unpaired_record_anomaly *>(process.base + uint64_t{offset} * 8);
}

/// Hash of what makes a case.
uint64_t key_of(const unpaired_record_anomaly &record)
{
    uint64_t key = mix(uint64_t{record.function} << 16 | record.kind,
                       uint64_t{record.acquire_site} << 32 | record.release_site);
    key = mix(key, uint64_t{record.first_release_site} << 32 | static_cast<uint32_t>(record.error));
    return mix(key, static_cast<uint32_t>(record.result));
}
uint64_t key_at(uint32_t offset) { return key_of(record_at(offset)); }

InternTable<key_at> cases;

int32_t clamp(int64_t value)
{
    return value > INT32_MAX ? INT32_MAX : value < INT32_MIN ? INT32_MIN : static_cast<int32_t>(value);
}

} // namespace

void record_anomaly(const Anomaly &anomaly)
{
    unpaired_record_anomaly record{};
    record.kind = static_cast<uint8_t>(anomaly.kind);
    record.space = static_cast<uint8_t>(anomaly.space);
    record.function = static_cast<uint16_t>(anomaly.function);
    record.observed = static_cast<uint16_t>(anomaly.observed);
    record.acquire_site = anomaly.acquire_site;
    record.release_site = anomaly.release_site;
    record.first_release_site = anomaly.first_release_site;
    record.result = clamp(anomaly.result);
    record.error = anomaly.error;
    const uint32_t cycle = load(process.file->cycle);
    if (const uint32_t known = cases.find(key_of(record)); known != 0) {
        unpaired_record_anomaly &before = record_at(known);
        add(before.count, 1u);
        add(before.bytes, anomaly.size);
        if (load(before.last_cycle) != cycle) {
            store(before.last_cycle, cycle);
            add(before.cycles, 1u);
        }
        store(before.last_ms, now_ms());
        return;
    }
    record.image = own_image();
    record.observed_result = anomaly.observed_result;
    record.first_ms = record.last_ms = now_ms();
    record.handle = anomaly.handle;
    record.size = record.bytes = anomaly.size;
    record.cycles = record.count = 1;
    record.last_cycle = cycle;
    if (const void *at = append(UNPAIRED_RECORD_ANOMALY, record); at != nullptr)
        cases.insert(static_cast<uint32_t>((static_cast<const uint8_t *>(at) - process.base) / 8));
}

void forget_anomalies_of_parent() { cases.forget(); }

} // namespace unpaired
