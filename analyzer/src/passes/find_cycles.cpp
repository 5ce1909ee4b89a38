// Cycles that nobody gave: found among the calls, by their number.
#include "input/site_stacks.h"
#include "passes/blame.h"
#include "passes/cycles.h"
#include "passes/judge.h"
#include "passes/names.h"
#include "passes/suppress.h"
#include "words.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>
#include <tuple>

namespace unpaired {
namespace {

/// How likely a call of this kind begins a piece of work: connections and threads do, memory hardly.
enum class Kind { memory, handle, connection };

Kind kind_of(const Trace &trace, const Site &site)
{
    static constexpr std::array<std::string_view, 4> words = {"socket", "netconn", "thread", "task"};
    const std::string family = family_name(trace, site.family);
    if (std::any_of(words.begin(), words.end(),
                    [&](std::string_view word) { return family.find(word) != std::string::npos; }))
        return Kind::connection;
    auto known = trace.dictionary.families.find(site.family);
    if (known == trace.dictionary.families.end())
        return Kind::memory;
    auto space = trace.dictionary.spaces.find(known->second.space);
    if (space == trace.dictionary.spaces.end() || space->second.kind == UNPAIRED_KIND_HELD)
        return Kind::memory;
    return class_of_space(space->second.name, space->second.kind) == ResourceClass::memory ? Kind::memory
                                                                                           : Kind::handle;
}

bool is_evidence(const Described &one)
{
    static constexpr std::array<std::string_view, 4> rules = {"never-released", "release-failed",
                                                              "storage-freed-live", "reinitialised-live"};
    return one.finding.severity >= Severity::suspect && !one.sites.empty() && !is_lifelong(one.finding) &&
           std::find(rules.begin(), rules.end(), one.finding.rule) != rules.end();
}

struct Candidate {
    uint32_t site = 0;
    Kind kind = Kind::memory;
    uint64_t calls = 0;
    std::vector<const Described *> agree = {}; ///< of other calls
    bool leaks = false;                        ///< a finding is about this very call
    uint64_t multiples = 0;                    ///< how many each of those leave a call, in all
    bool exactly = true;                       ///< no remainder anywhere
    bool by_clock = true;                      ///< the clock says so of all of them
};

/// What the candidates are compared by: the greatest wins.
auto merit(const Candidate &candidate)
{
    // a connection that one finding goes by is likelier the cycle than a file that several do, which may come
    // with every third connection only
    constexpr size_t enough = 2;
    const size_t findings = candidate.agree.size() + (candidate.leaks ? 1 : 0);
    const size_t likely = findings + (candidate.kind == Kind::connection ? 1 : 0);
    return std::tuple(std::min(likely, enough), candidate.kind, findings, candidate.exactly,
                      std::numeric_limits<uint64_t>::max() - candidate.multiples, !candidate.leaks);
}

/// Whether the program reached both through one call of its own.
bool share_a_caller(const std::vector<Frame> &a, const std::vector<Frame> &b)
{
    auto at = a.rbegin(), other = b.rbegin();
    for (; at != a.rend() && other != b.rend() && at->address == other->address; ++at, ++other)
        if (!is_runtime_frame(*at))
            return true;
    return false;
}

/// Numbers agree by chance, the more easily the smaller they are; and a program's memory has numbers of every kind: `ls`
/// takes and keeps a block for each file, and that is no cycle of it.
bool convinces(const Candidate &candidate, const Trace &trace, Stacks &stacks)
{
    constexpr uint64_t fewest = 4, enough = 8, enough_for_memory = 16, largest_multiple_for_handle = 4;
    if (candidate.agree.empty() || candidate.calls < fewest)
        return false;
    const std::vector<Frame> stack = stacks.of(trace.sites.at(candidate.site));
    const bool together =
        std::all_of(candidate.agree.begin(), candidate.agree.end(),
                    [&](const Described *one) { return share_a_caller(stack, one->finding.stack); });
    switch (candidate.kind) {
    case Kind::connection:
        return candidate.calls >= enough || (candidate.agree.size() >= 2 && candidate.exactly && together);
    case Kind::
        handle: // a program opens files for many ends: near a number, or a large multiple, is any number
        return candidate.calls >= enough &&
               (candidate.agree.size() >= 2 || candidate.by_clock ||
                (candidate.exactly && candidate.multiples <= largest_multiple_for_handle));
    case Kind::memory:
        break;
    }
    return candidate.calls >= enough_for_memory && candidate.exactly && candidate.by_clock && together;
}

} // namespace

Cycles find_cycles(const std::vector<Described> &findings, const Trace &trace, const PairedImage &image,
                   const Run &run, Stacks &stacks, const Wrappers &wrappers, const std::string &program)
{
    std::vector<const Described *> evidence;
    for (const Described &one : findings)
        if (is_evidence(one))
            evidence.push_back(&one);
    std::vector<Candidate> candidates;
    for (const SiteTally &tally : image.sites) {
        const Site &site = trace.sites.at(tally.site);
        auto function = trace.dictionary.functions.find(site.function);
        if (function == trace.dictionary.functions.end() || function->second.role != UNPAIRED_ROLE_ACQUIRE ||
            tally.acquired > std::numeric_limits<uint32_t>::max())
            continue;
        Candidate candidate{tally.site, kind_of(trace, site), tally.acquired};
        for (const Described *one : evidence) {
            const uint64_t count = one->finding.count, each = left_by_each(count, tally.acquired);
            if (each == 0)
                continue;
            if (one->sites.contains(tally.site)) {
                candidate.leaks = true;
                continue;
            }
            GrowthVerdict verdict = judge_growth_by_number(
                count, one->ages, run, static_cast<uint32_t>(tally.acquired), one->finding.released);
            if (verdict.growth != Growth::linear)
                continue;
            candidate.agree.push_back(one);
            candidate.multiples += each;
            candidate.exactly = candidate.exactly && count == each * tally.acquired;
            candidate.by_clock = candidate.by_clock && verdict.over_cycles;
        }
        if (!candidate.agree.empty())
            candidates.push_back(std::move(candidate));
    }
    std::sort(candidates.begin(), candidates.end(), [&](const Candidate &a, const Candidate &b) {
        if (merit(a) != merit(b))
            return merit(a) > merit(b);
        const Site &of_a = trace.sites.at(a.site), &of_b = trace.sites.at(b.site);
        return addresses_of(trace, of_a) < addresses_of(trace, of_b); // no order that depends on site numbers
    });
    for (const Candidate &candidate : candidates) {
        if (!convinces(candidate, trace, stacks))
            continue;
        const Site &site = trace.sites.at(candidate.site);
        Cycles cycles;
        cycles.source = "found";
        cycles.name = function_name(trace, site.function);
        cycles.count = static_cast<uint32_t>(candidate.calls);
        const Blame blame = choose_blame(cycles.name, stacks.of(site), wrappers, program, of_firmware(trace));
        const std::string &path = blame.frame.file;
        const std::string file = path.substr(path.rfind('/') + 1);
        cycles.remark =
            fmt::format("cycles: {} calls of {}{}{} (found by their number; --cycle={} makes sure)",
                        candidate.calls, function_text(cycles.name),
                        blame.frame.function.empty() ? "" : fmt::format(" in {}", blame.frame.function),
                        file.empty() ? "" : fmt::format(", {}:{}", file, blame.frame.line), cycles.name);
        return cycles;
    }
    return {};
}

} // namespace unpaired
