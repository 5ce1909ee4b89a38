#include "passes/siblings.h"

#include "passes/names.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <set>
#include <tuple>

namespace unpaired {
namespace {

/// Balanced sites that are one acquisition to a reader.
struct Candidate {
    Sibling sibling;
    std::vector<std::string> wrappers; ///< the functions between the acquirer and the blamed frame
};

bool wants_sibling(const Finding &finding)
{
    return finding.rule == "never-released" && finding.severity != Severity::note &&
           !finding.blame.file.empty();
}

bool is_balanced(const SiteTally &tally)
{
    return tally.acquired > 0 && tally.live.empty() && tally.parts.empty() && tally.lost == 0;
}

bool as_often(uint64_t a, uint64_t b)
{
    const uint64_t difference = a > b ? a - b : b - a;
    return difference <= std::max<uint64_t>(1, b / 10);
}

std::vector<std::string> functions(const std::vector<Frame> &stack, size_t from, size_t to)
{
    std::vector<std::string> names;
    for (size_t i = from; i < to; i++)
        names.push_back(stack[i].function);
    return names;
}

std::string place(const Frame &frame) { return fmt::format("{}:{}", frame.file, frame.line); }

/// The function that releases what lives in a space, if there is only one.
std::string only_releaser(const Trace &trace, uint16_t space)
{
    std::string name;
    for (const auto &[id, function] : trace.dictionary.functions)
        if (function.role == UNPAIRED_ROLE_RELEASE && function.space == space) {
            if (!name.empty())
                return "";
            name = function_name(trace, id);
        }
    return name;
}

/// The balanced acquisitions of a family whose innermost caller lies in one of the files.
std::vector<Candidate> candidates_of(uint16_t family, const Trace &trace, const PairedImage &image,
                                     Stacks &stacks, const Wrappers &wrappers, const std::string &program,
                                     const std::vector<const Finding *> &findings)
{
    // the callers outside the blamed frame too: what is called from two places happens twice as often
    std::map<std::tuple<uint16_t, std::string, std::vector<std::string>>, Candidate> by_place;
    for (const SiteTally &tally : image.sites) {
        const Site &site = trace.sites.at(tally.site);
        if (site.family != family || !is_balanced(tally))
            continue;
        // cheapest first: the innermost frame is that of a finding's, or lies in its file
        const std::vector<Frame> innermost = stacks.of(site, 1);
        if (innermost.empty() || std::none_of(findings.begin(), findings.end(), [&](const Finding *finding) {
                return finding->stack.front().function == innermost.front().function ||
                       finding->stack.front().file == innermost.front().file;
            }))
            continue;
        const std::vector<Frame> stack = stacks.of(site);
        const std::string function = function_name(trace, site.function);
        const Blame blame = choose_blame(function, stack, wrappers, program, of_firmware(trace));
        if (blame.frame.file.empty())
            continue;
        Candidate &candidate =
            by_place[{site.function, place(blame.frame), functions(stack, 0, stack.size())}];
        candidate.wrappers = functions(stack, 0, blame.index);
        candidate.sibling.function = function;
        candidate.sibling.blame = blame.frame;
        candidate.sibling.acquired += tally.acquired;
        candidate.sibling.released += tally.released + tally.released_unseen;
    }
    std::vector<Candidate> candidates;
    for (auto &[key, candidate] : by_place)
        candidates.push_back(std::move(candidate));
    return candidates;
}

const Candidate *nearest(const std::vector<Candidate> &candidates, const Described &described,
                         const std::set<std::string> &leaking)
{
    const Finding &finding = described.finding;
    const std::vector<std::string> between = functions(finding.stack, 0, described.blame_index);
    const auto distance = [&](const Candidate &candidate) {
        const Frame &blame = candidate.sibling.blame;
        return std::tuple(candidate.sibling.function != finding.function,
                          blame.function != finding.blame.function, std::abs(blame.line - finding.blame.line),
                          blame.line);
    };
    const Candidate *best = nullptr;
    for (const Candidate &candidate : candidates) {
        const Frame &blame = candidate.sibling.blame;
        const bool beside = blame.file == finding.blame.file && !leaking.contains(place(blame));
        if (beside && candidate.wrappers == between &&
            as_often(candidate.sibling.acquired, finding.acquired) &&
            (best == nullptr || distance(candidate) < distance(*best)))
            best = &candidate;
    }
    return best;
}

} // namespace

void name_siblings(std::vector<Described> &findings, const Trace &trace, const PairedImage &image,
                   Stacks &stacks, const Wrappers &wrappers, const std::string &program)
{
    std::map<uint16_t, std::vector<Described *>> by_family;
    std::set<std::string> leaking; // a place that leaks when called from elsewhere is no example
    for (const Described &one : findings)
        leaking.insert(place(one.finding.blame));
    for (Described &one : findings)
        if (wants_sibling(one.finding) && !one.sites.empty())
            by_family[trace.sites.at(*one.sites.begin()).family].push_back(&one);
    for (auto &[family, wanting] : by_family) {
        std::vector<const Finding *> of_family;
        for (const Described *one : wanting)
            of_family.push_back(&one->finding);
        const std::vector<Candidate> candidates =
            candidates_of(family, trace, image, stacks, wrappers, program, of_family);
        for (Described *one : wanting)
            if (const Candidate *found = nearest(candidates, *one, leaking)) {
                one->finding.sibling = found->sibling;
                one->finding.sibling->released_by = only_releaser(trace, one->space);
            }
    }
}

} // namespace unpaired
