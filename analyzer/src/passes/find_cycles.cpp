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
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

namespace unpaired {
namespace {

constexpr uint64_t fewest_calls = 4; ///< fewer are no cycles

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

/// A finding that a number of calls explains.
struct Agreeing {
    const Described *finding = nullptr;
    uint64_t each = 0;    ///< number that each call leaves outstanding
    bool exactly = true;  ///< no remainder
    bool by_clock = true; ///< confirmed by the clock
};

/// Sums over the findings that agree with a number of calls.
struct Agreement {
    uint64_t findings = 0, multiples = 0, inexact = 0, not_by_clock = 0;

    void add(const Agreeing &one)
    {
        findings++;
        multiples += one.each;
        inexact += !one.exactly;
        not_by_clock += !one.by_clock;
    }
    void remove(const Agreeing &one)
    {
        findings--;
        multiples -= one.each;
        inexact -= !one.exactly;
        not_by_clock -= !one.by_clock;
    }
};

struct Candidate {
    uint32_t site = 0;
    Kind kind = Kind::memory;
    uint64_t calls = 0;
    Agreement agree = {}; ///< of other calls
    bool leaks = false;   ///< a finding is about this call
};

/// What the candidates are compared by: the greatest wins.
auto merit(const Candidate &candidate)
{
    // a connection that one finding goes by is likelier the cycle than a file that several do, which may come
    // with every third connection only
    constexpr uint64_t enough = 2;
    const uint64_t findings = candidate.agree.findings + (candidate.leaks ? 1 : 0);
    const uint64_t likely = findings + (candidate.kind == Kind::connection ? 1 : 0);
    return std::tuple(std::min(likely, enough), candidate.kind, findings, candidate.agree.inexact == 0,
                      std::numeric_limits<uint64_t>::max() - candidate.agree.multiples, !candidate.leaks);
}

/// Returns the addresses from the root of a stack to the program's outermost call. They are equal if the program
/// reached two acquisitions through one call of its own. Empty if no frame is the program's.
std::vector<uint64_t> way_into_program(const Stack &stack)
{
    std::vector<uint64_t> way;
    for (auto at = stack.rbegin(); at != stack.rend(); ++at) {
        way.push_back(at->address);
        if (!is_runtime_frame(*at))
            return way;
    }
    return {};
}

/// The findings that a number of calls explains. The number alone decides that, so calls that are equally many share
/// it.
class Explained {
public:
    Explained(const std::vector<const Described *> &by_count, uint64_t calls, const Run &run)
    {
        // of the sorted findings those from calls - 1 on may be a multiple
        auto at =
            std::lower_bound(by_count.begin(), by_count.end(), calls - 1,
                             [](const Described *one, uint64_t count) { return one->finding.count < count; });
        for (; at != by_count.end(); ++at) {
            const Described &one = **at;
            const uint64_t count = one.finding.count, each = left_by_each(count, calls);
            if (each == 0) {
                if (count > most_multiples * (calls + 1))
                    break;
                continue;
            }
            const GrowthVerdict verdict = judge_growth_by_number(
                count, one.ages, run, static_cast<uint32_t>(calls), one.finding.released);
            if (verdict.growth != Growth::linear)
                continue;
            const Agreeing agreeing{&one, each, count == each * calls, verdict.over_cycles};
            agreeing_.emplace(&one, agreeing);
            all_.add(agreeing);
        }
    }

    bool empty() const { return agreeing_.empty(); }

    /// Returns the agreement without the findings about the calls themselves.
    Agreement without(const std::vector<const Described *> &own) const
    {
        Agreement agreement = all_;
        for (const Described *one : own)
            if (auto at = agreeing_.find(one); at != agreeing_.end())
                agreement.remove(at->second);
        return agreement;
    }

    /// Returns true if the program reached `stack`, and all agreeing findings but `own`, through one call of its own.
    bool share_a_caller(const Stack &stack, const std::vector<const Described *> &own)
    {
        if (ways_.empty())
            for (const auto &[one, agreeing] : agreeing_)
                ways_[way_into_program(one->finding.stack)]++;
        const std::vector<uint64_t> way = way_into_program(stack);
        const auto same = ways_.find(way);
        uint64_t others = agreeing_.size(), alike = same == ways_.end() ? 0 : same->second;
        for (const Described *one : own)
            if (agreeing_.contains(one)) {
                others--;
                alike -= way_into_program(one->finding.stack) == way;
            }
        return others == 0 || (!way.empty() && alike == others);
    }

private:
    static constexpr uint64_t most_multiples = 17; // one more than left_by_each() ever returns

    std::unordered_map<const Described *, Agreeing> agreeing_;
    Agreement all_;
    std::map<std::vector<uint64_t>, uint64_t> ways_; // number of findings by way_into_program()
};

/// Numbers agree by chance, the more easily the smaller they are; and a program's memory has numbers of every kind: `ls`
/// takes and keeps a block for each file, and that is no cycle of it.
template <class Together> bool convinces(const Candidate &candidate, Together together)
{
    constexpr uint64_t enough = 8, enough_for_memory = 16, largest_multiple_for_handle = 4;
    const Agreement &agree = candidate.agree;
    const bool exactly = agree.inexact == 0, by_clock = agree.not_by_clock == 0;
    if (agree.findings == 0)
        return false;
    switch (candidate.kind) {
    case Kind::connection:
        return candidate.calls >= enough || (agree.findings >= 2 && exactly && together());
    case Kind::
        handle: // a program opens files for many ends: near a number, or a large multiple, is any number
        return candidate.calls >= enough && (agree.findings >= 2 || by_clock ||
                                             (exactly && agree.multiples <= largest_multiple_for_handle));
    case Kind::memory:
        break;
    }
    return candidate.calls >= enough_for_memory && exactly && by_clock && together();
}

} // namespace

Cycles find_cycles(const std::vector<Described> &findings, const Trace &trace, const PairedImage &image,
                   const Run &run, Stacks &stacks, const Wrappers &wrappers, const std::string &program)
{
    std::vector<const Described *> evidence;
    std::unordered_map<uint32_t, std::vector<const Described *>> about; // by site
    for (const Described &one : findings)
        if (is_evidence(one)) {
            evidence.push_back(&one);
            for (const uint32_t site : one.sites)
                about[site].push_back(&one);
        }
    std::stable_sort(evidence.begin(), evidence.end(), [](const Described *a, const Described *b) {
        return a->finding.count < b->finding.count;
    });
    std::unordered_map<uint64_t, Explained> explained; // by the number of calls
    std::optional<Candidate> best;
    std::vector<uint64_t> best_addresses;
    for (const SiteTally &tally : image.sites) {
        const Site &site = trace.sites.at(tally.site);
        auto function = trace.dictionary.functions.find(site.function);
        if (function == trace.dictionary.functions.end() || function->second.role != UNPAIRED_ROLE_ACQUIRE ||
            tally.acquired > std::numeric_limits<uint32_t>::max() || tally.acquired < fewest_calls)
            continue;
        Explained &others =
            explained.try_emplace(tally.acquired, evidence, tally.acquired, run).first->second;
        if (others.empty())
            continue;
        static const std::vector<const Described *> none;
        const auto known = about.find(tally.site);
        const std::vector<const Described *> &own = known == about.end() ? none : known->second;
        const Candidate candidate{tally.site, kind_of(trace, site), tally.acquired, others.without(own),
                                  std::any_of(own.begin(), own.end(), [&](const Described *one) {
                                      return left_by_each(one->finding.count, tally.acquired) != 0;
                                  })};
        if (best && merit(candidate) < merit(*best))
            continue;
        if (!convinces(candidate, [&] { return others.share_a_caller(stacks.of(site), own); }))
            continue;
        std::vector<uint64_t> addresses = addresses_of(trace, site);
        // the order must not depend on site numbers
        if (best && merit(candidate) == merit(*best) && best_addresses <= addresses)
            continue;
        best = candidate;
        best_addresses = std::move(addresses);
    }
    if (!best)
        return {};
    const Site &site = trace.sites.at(best->site);
    Cycles cycles;
    cycles.source = "found";
    cycles.name = function_name(trace, site.function);
    cycles.count = static_cast<uint32_t>(best->calls);
    const Blame blame = choose_blame(cycles.name, stacks.of(site), wrappers, program, of_firmware(trace));
    const std::string &path = blame.frame.file;
    const std::string file = path.substr(path.rfind('/') + 1);
    cycles.remark =
        fmt::format("cycles: {} calls of {}{}{} (found by their number; --cycle={} makes sure)", best->calls,
                    function_text(cycles.name),
                    blame.frame.function.empty() ? "" : fmt::format(" in {}", blame.frame.function),
                    file.empty() ? "" : fmt::format(", {}:{}", file, blame.frame.line), cycles.name);
    return cycles;
}

} // namespace unpaired
