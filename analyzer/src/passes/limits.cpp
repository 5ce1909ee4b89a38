#include "passes/limits.h"

#include <algorithm>
#include <optional>
#include <set>

namespace unpaired {
namespace {

// select(2) cannot take descriptors from here on; glibc aborts in __fdelt_chk.
constexpr const char *select_limit = "FD_SETSIZE";

bool holds_handles(const Finding &finding)
{
    return finding.rule == "never-released" || finding.rule == "release-failed";
}

Described *holder_of(std::vector<Described> &findings, uint16_t space)
{
    Described *most = nullptr;
    for (Described &one : findings)
        if (one.space == space && holds_handles(one.finding) && one.finding.count >= 2 &&
            (most == nullptr || one.finding.count > most->finding.count))
            most = &one;
    return most;
}

const Limit *limit_of(const Trace &trace, uint16_t image, uint16_t space, bool of_select)
{
    const Limit *found = nullptr;
    for (const Limit &limit : trace.limits)
        if (limit.space == space && (limit.name == select_limit) == of_select &&
            (found == nullptr || limit.image == image || found->image != image))
            found = &limit; // a program may change its limits: the last one counts
    return found;
}

} // namespace

std::vector<Described> explain_limits(std::vector<Described> findings, const Trace &trace, uint16_t image,
                                      bool ended_by_signal)
{
    std::set<uint16_t> reached, explained;
    for (const Described &one : findings)
        if (one.finding.rule == "limit-reached")
            reached.insert(one.space);
    for (uint16_t space : reached) {
        const Limit *limit = limit_of(trace, image, space, false);
        Forecast forecast{limit != nullptr ? limit->value : 0, limit != nullptr ? limit->name : "", 0, true};
        if (Described *holder = holder_of(findings, space)) {
            forecast.at_acquisition = holder->finding.acquired;
            holder->finding.forecast = forecast;
            explained.insert(space);
        } else {
            for (Described &one : findings)
                if (one.space == space && one.finding.rule == "limit-reached") {
                    forecast.at_acquisition = one.finding.acquired;
                    one.finding.forecast = forecast;
                }
        }
    }
    std::erase_if(findings, [&](const Described &one) {
        return one.finding.rule == "limit-reached" && explained.contains(one.space);
    });

    // A descriptor that does not fit an fd_set is no failure by itself; in a program that died it explains much.
    for (const Limit &limit : trace.limits) {
        if (limit.name != select_limit || !ended_by_signal || reached.contains(limit.space))
            continue;
        Described *holder = holder_of(findings, limit.space);
        if (holder == nullptr || holder->finding.forecast || holder->highest_handle < limit.value)
            continue;
        holder->finding.forecast = Forecast{limit.value, limit.name, holder->finding.acquired, true};
    }
    return findings;
}

} // namespace unpaired
