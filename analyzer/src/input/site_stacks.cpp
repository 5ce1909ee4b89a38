#include "input/site_stacks.h"

#include <algorithm>
#include <unordered_map>

namespace unpaired {
namespace {

/// How many outer frames the site shares with another, written before it.
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
    std::unordered_map<uint32_t, bool> met; // sites that share frames; true: can be followed
    std::vector<uint32_t> chain;            // each shares frames of the next
    const auto next_of = [&](const Site &site) {
        return trace.sites.find(UNPAIRED_SITE_OUTER_SITE(site.outer));
    };
    uint64_t cut = 0;
    for (const auto &[id, first] : trace.sites) {
        for (auto at = trace.sites.find(id);
             at != trace.sites.end() && at->second.outer != 0 && met.emplace(at->first, false).second;
             at = next_of(at->second))
            chain.push_back(at->first);
        for (; !chain.empty(); chain.pop_back()) {
            Site &site = trace.sites.at(chain.back());
            const auto outer = next_of(site);
            const bool circle =
                outer != trace.sites.end() && outer->second.outer != 0 && !met.at(outer->first);
            met[chain.back()] = true;
            if (outer == trace.sites.end() || circle ||
                outer->second.stack.size() + shared_frames(outer->second) < shared_frames(site)) {
                site.outer = 0;
                cut++;
                continue;
            }
            // where the other one only hands on what it shares itself, go on with that at once
            const size_t shared = shared_frames(site);
            uint32_t from = outer->first;
            while (shared > 0 && shared_frames(trace.sites.at(from)) >= shared)
                from = UNPAIRED_SITE_OUTER_SITE(trace.sites.at(from).outer);
            site.outer = UNPAIRED_SITE_OUTER(from, shared);
        }
    }
    return cut;
}

} // namespace unpaired
