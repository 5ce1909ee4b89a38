#include "passes/totals.h"

#include "passes/names.h"

namespace unpaired {
namespace {

std::map<uint32_t, uint64_t> lost_bytes(const PairedImage &image)
{
    std::map<uint32_t, uint64_t> bytes;
    for (const Anomaly *anomaly : image.records.anomalies)
        if (anomaly->kind == UNPAIRED_ANOMALY_STORAGE_FREED_LIVE ||
            anomaly->kind == UNPAIRED_ANOMALY_REINITIALISED_LIVE)
            bytes[anomaly->acquire_site] += anomaly->bytes;
    return bytes;
}

OwnerTotals unpaired_at(const Trace &trace, const SiteTally &tally, const std::map<uint32_t, uint64_t> &lost)
{
    OwnerTotals totals;
    totals.unpaired = tally.live.size() + tally.parts.size() + tally.lost;
    for (const auto *slots : {&tally.live, &tally.parts})
        for (uint32_t index : *slots)
            totals.unpaired_bytes += trace.slots[index].size;
    if (auto at = lost.find(tally.site); at != lost.end())
        totals.unpaired_bytes += at->second;
    return totals;
}

} // namespace

std::map<std::string, FamilyTotals> total_by_family(const Trace &trace, const PairedImage &image)
{
    const std::map<uint32_t, uint64_t> lost = lost_bytes(image);
    std::map<std::string, FamilyTotals> totals;
    for (const SiteTally &tally : image.sites) {
        FamilyTotals &family = totals[family_name(trace, trace.sites.at(tally.site).family)];
        OwnerTotals unpaired = unpaired_at(trace, tally, lost);
        family.acquired += tally.acquired;
        family.released += tally.released;
        family.released_unseen += tally.released_unseen;
        family.unpaired += unpaired.unpaired;
        family.unpaired_bytes += unpaired.unpaired_bytes;
        family.failed += tally.failed;
    }
    for (const Anomaly *anomaly : image.records.anomalies)
        if (anomaly->kind == UNPAIRED_ANOMALY_RELEASE_FAILED)
            if (auto site = trace.sites.find(anomaly->acquire_site); site != trace.sites.end())
                totals[family_name(trace, site->second.family)].failed_releases += anomaly->count;
    return totals;
}

std::map<std::string, OwnerTotals>
total_by_owner(const Trace &trace, const PairedImage &image,
               const std::function<std::string(const Site &)> &owner_of_site)
{
    const std::map<uint32_t, uint64_t> lost = lost_bytes(image);
    std::map<std::string, OwnerTotals> totals;
    for (const SiteTally &tally : image.sites) {
        OwnerTotals unpaired = unpaired_at(trace, tally, lost);
        if (unpaired.unpaired == 0)
            continue;
        std::string owner = owner_of_site(trace.sites.at(tally.site));
        OwnerTotals &sum = totals[owner.empty() ? "unknown" : owner];
        sum.unpaired += unpaired.unpaired;
        sum.unpaired_bytes += unpaired.unpaired_bytes;
    }
    return totals;
}

} // namespace unpaired
