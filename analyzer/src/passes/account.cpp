#include "passes/account.h"

#include "passes/names.h"

#include <map>
#include <set>

namespace unpaired {
namespace {

// Stacks that differ among these many innermost addresses need not be named any further.
constexpr size_t addresses_to_compare = 4;

std::string beginning_of(const Site &site, Stacks &stacks)
{
    std::string key = std::to_string(site.function) + '\n';
    for (const Frame &frame : stacks.of(site, addresses_to_compare))
        key += frame.function.text() + '\n';
    return key;
}

} // namespace

void count_all_sites(std::vector<Described> &findings, const Trace &trace, const PairedImage &image,
                     Stacks &stacks, const Wrappers &wrappers, const std::vector<OwnerRule> &rules,
                     const std::string &program)
{
    std::map<KeyHash, std::vector<Described *>> by_key;
    std::set<std::pair<uint16_t, std::string>> innermost; // cheapest first: function and first frame
    std::set<std::string> beginnings;
    for (Described &one : findings) {
        const Finding &f = one.finding;
        if (one.sites.empty())
            continue;
        by_key[hash_of(acquisition_key(f.family, f.function, f.owner, f.stack, one.blame_index))].push_back(
            &one);
        for (uint32_t id : one.sites) {
            const Site &site = trace.sites.at(id);
            Stack first = stacks.of(site, 1);
            innermost.insert({site.function, first.empty() ? "" : first.front().function});
            beginnings.insert(beginning_of(site, stacks));
        }
        one.finding.acquired = one.finding.released = one.finding.peak_bytes = 0;
    }
    for (const SiteTally &tally : image.sites) {
        const Site &site = trace.sites.at(tally.site);
        Stack first = stacks.of(site, 1);
        if (!innermost.contains({site.function, first.empty() ? "" : first.front().function}) ||
            !beginnings.contains(beginning_of(site, stacks)))
            continue;
        const std::string function = function_name(trace, site.function);
        Stack stack = stacks.of(site);
        Blame blame = choose_blame(function, stack, wrappers, program, of_firmware(trace));
        auto same = by_key.find(hash_of(acquisition_key(family_name(trace, site.family), function,
                                                        owner_of(site, stack, rules), stack, blame.index)));
        if (same == by_key.end())
            continue;
        for (Described *one : same->second) {
            one->finding.acquired += tally.acquired;
            one->finding.released += tally.released + tally.released_unseen;
            one->finding.peak_bytes += tally.peak_bytes;
        }
    }
}

} // namespace unpaired
