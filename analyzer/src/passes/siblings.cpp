#include "passes/siblings.h"

#include "passes/names.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <set>
#include <tuple>
#include <type_traits>
#include <utility>

namespace unpaired {
namespace {

using Names = std::vector<Name>;

/// Balanced sites that are one acquisition to a reader.
struct Candidate {
    Sibling sibling;
    Names wrappers; ///< the functions between the acquirer and the blamed frame
};

/// Orders by the texts, so that a report does not depend on where they are kept.
struct ByText {
    bool operator()(const Name &a, const Name &b) const { return a.text() < b.text(); }
    bool operator()(const Names &a, const Names &b) const
    {
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), *this);
    }
    template <class... Key> bool operator()(const std::tuple<Key...> &a, const std::tuple<Key...> &b) const
    {
        return compare(a, b, std::index_sequence_for<Key...>());
    }

private:
    template <class Key> bool less(const Key &a, const Key &b) const
    {
        if constexpr (std::is_same_v<Key, Name> || std::is_same_v<Key, Names>)
            return (*this)(a, b);
        else
            return a < b;
    }
    template <class Tuple, size_t... i>
    bool compare(const Tuple &a, const Tuple &b, std::index_sequence<i...>) const
    {
        bool result = false;
        ((less(std::get<i>(a), std::get<i>(b)) ? (result = true, true)
                                               : less(std::get<i>(b), std::get<i>(a))) ||
         ...);
        return result;
    }
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

Names functions(const Stack &stack, size_t from, size_t to)
{
    Names names;
    names.reserve(to - from);
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

/// Balanced acquisitions of a family, by the file of the blamed frame and the functions inside it. Leaves out
/// duplicates: those that a finding cannot distinguish.
class Candidates {
public:
    explicit Candidates(std::vector<Candidate> all)
    {
        std::set<std::tuple<std::string, Name, int, uint64_t, Name, Names>, ByText> met;
        for (Candidate &one : all) {
            const Sibling &sibling = one.sibling;
            const Frame &blame = sibling.blame;
            if (met.insert({sibling.function, blame.function, blame.line, sibling.acquired, blame.file,
                            one.wrappers})
                    .second)
                by_file_[{blame.file, one.wrappers}].push_back(std::move(one));
        }
    }

    const std::vector<Candidate> &of(const Name &file, const Names &wrappers) const
    {
        static const std::vector<Candidate> none;
        const auto found = by_file_.find({file, wrappers});
        return found == by_file_.end() ? none : found->second;
    }

private:
    std::map<std::tuple<Name, Names>, std::vector<Candidate>, ByText> by_file_;
};

/// The balanced acquisitions of a family whose innermost caller lies in one of the files.
std::vector<Candidate> candidates_of(uint16_t family, const Trace &trace, const PairedImage &image,
                                     Stacks &stacks, const Wrappers &wrappers, const std::string &program,
                                     const std::vector<const Finding *> &findings)
{
    std::set<Name, ByText> innermost_functions, innermost_files;
    for (const Finding *finding : findings) {
        innermost_functions.insert(finding->stack.front().function);
        innermost_files.insert(finding->stack.front().file);
    }
    // the callers outside the blamed frame too: what is called from two places happens twice as often
    std::map<std::tuple<uint16_t, std::string, Names>, Candidate, ByText> by_place;
    for (const SiteTally &tally : image.sites) {
        const Site &site = trace.sites.at(tally.site);
        if (site.family != family || !is_balanced(tally))
            continue;
        // cheapest first: the innermost frame is that of a finding's, or lies in its file
        const Stack innermost = stacks.of(site, 1);
        if (innermost.empty() || (!innermost_functions.contains(innermost.front().function) &&
                                  !innermost_files.contains(innermost.front().file)))
            continue;
        const Stack stack = stacks.of(site);
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

const Candidate *nearest(const Candidates &candidates, const Finding &finding, const Names &between,
                         const std::set<std::string> &leaking)
{
    const auto distance = [&](const Candidate &candidate) {
        const Frame &blame = candidate.sibling.blame;
        return std::tuple(candidate.sibling.function != finding.function,
                          blame.function != finding.blame.function, std::abs(blame.line - finding.blame.line),
                          blame.line);
    };
    const Candidate *best = nullptr;
    for (const Candidate &candidate : candidates.of(finding.blame.file, between))
        if (as_often(candidate.sibling.acquired, finding.acquired) &&
            !leaking.contains(place(candidate.sibling.blame)) &&
            (best == nullptr || distance(candidate) < distance(*best)))
            best = &candidate;
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
    std::map<uint16_t, std::string> releasers; // by space
    for (auto &[family, wanting] : by_family) {
        std::vector<const Finding *> of_family;
        for (const Described *one : wanting)
            of_family.push_back(&one->finding);
        const Candidates candidates(
            candidates_of(family, trace, image, stacks, wrappers, program, of_family));
        // findings with the same search have the same result
        std::map<std::tuple<std::string, Name, int, uint64_t, Name, Names>, const Candidate *, ByText> known;
        for (Described *one : wanting) {
            const Finding &finding = one->finding;
            const Frame &blame = finding.blame;
            const Names between = functions(finding.stack, 0, one->blame_index);
            const auto [at, added] = known.try_emplace(
                {finding.function, blame.function, blame.line, finding.acquired, blame.file, between});
            if (added)
                at->second = nearest(candidates, finding, between, leaking);
            if (const Candidate *found = at->second) {
                one->finding.sibling = found->sibling;
                const auto [releaser, first] = releasers.try_emplace(one->space);
                if (first)
                    releaser->second = only_releaser(trace, one->space);
                one->finding.sibling->released_by = releaser->second;
            }
        }
    }
}

} // namespace unpaired
