#include "input/site_stacks.h"

#include <algorithm>

namespace unpaired {
namespace {

/// How many outer frames the site shares with an older one.
size_t shared_frames(const Site &site) { return UNPAIRED_SITE_OUTER_FRAMES(site.outer); }

} // namespace

std::vector<uint64_t> addresses_of(const Trace &trace, const Site &site, size_t most)
{
    const Site *at = &site;
    size_t wanted = site.stack.size() + shared_frames(site); // of the outermost ones of `at`
    std::vector<uint64_t> result;
    result.reserve(std::min(most, wanted));
    while (true) {
        const size_t shared = shared_frames(*at);
        if (wanted > shared)
            for (size_t i = at->stack.size() - (wanted - shared); i < at->stack.size(); i++) {
                if (result.size() == most)
                    return result;
                result.push_back(at->stack[i]);
            }
        wanted = std::min(wanted, shared);
        if (wanted == 0 || result.size() == most)
            return result;
        at = &trace.sites.at(UNPAIRED_SITE_OUTER_SITE(at->outer));
    }
}

uint64_t cut_broken_stacks(Trace &trace)
{
    std::vector<uint32_t> sharing;
    for (const auto &[id, site] : trace.sites)
        if (site.outer != 0)
            sharing.push_back(id);
    std::ranges::sort(sharing); // a stack goes on with that of a lower number
    uint64_t cut = 0;
    for (const uint32_t id : sharing) {
        Site &site = trace.sites.at(id);
        const auto outer = trace.sites.find(UNPAIRED_SITE_OUTER_SITE(site.outer));
        if (outer == trace.sites.end() || outer->first >= id ||
            outer->second.stack.size() + shared_frames(outer->second) < shared_frames(site)) {
            site.outer = 0;
            cut++;
            continue;
        }
        // where the older one only hands on what it shares itself, go on with that at once
        const size_t shared = shared_frames(site);
        uint32_t from = outer->first;
        while (shared > 0 && shared_frames(trace.sites.at(from)) >= shared)
            from = UNPAIRED_SITE_OUTER_SITE(trace.sites.at(from).outer);
        site.outer = UNPAIRED_SITE_OUTER(from, shared);
    }
    return cut;
}

} // namespace unpaired
