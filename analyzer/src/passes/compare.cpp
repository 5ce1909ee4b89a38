#include "passes/compare.h"

#include "passes/judge.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace unpaired {
namespace {

/// Program and id.
using Key = std::pair<std::string, std::string>;

std::string program_of(const ImageReport &image)
{
    const std::string &path = image.trace.program;
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

/// What stands for a finding in both reports. One without an id has no stack to make it of.
std::string id_of(const Finding &finding)
{
    return finding.id.empty() ? fmt::format("{} {} {}", finding.rule, finding.family, finding.function)
                              : finding.id;
}

bool has_rate(const Occurrence &one) { return one.finding.per_cycle > 0 && one.cycles > 0; }

/// Mean per cycle of two runs together; 0 if one of them does not tell it.
double joint_rate(const Occurrence &a, double per_cycle, uint64_t cycles)
{
    if (!has_rate(a) || per_cycle <= 0 || cycles == 0)
        return 0;
    const auto n = static_cast<double>(a.cycles), m = static_cast<double>(cycles);
    return (a.finding.per_cycle * n + per_cycle * m) / (n + m);
}

void add(Occurrence &sum, const Finding &finding, const TraceInfo &trace)
{
    const uint64_t cycles = trace.cycles;
    if (worse(finding, sum.finding))
        sum.trace = trace;
    const double rate = joint_rate(sum, finding.per_cycle, cycles);
    Finding total = worse(finding, sum.finding) ? finding : sum.finding;
    total.count = sum.finding.count + finding.count;
    total.bytes = sum.finding.bytes + finding.bytes;
    total.acquired = sum.finding.acquired + finding.acquired;
    total.released = sum.finding.released + finding.released;
    total.per_cycle = rate;
    total.parts = sum.finding.parts;
    for (const auto &[family, part] : finding.parts) {
        total.parts[family].count += part.count;
        total.parts[family].bytes += part.bytes;
    }
    sum.finding = std::move(total);
    sum.cycles += cycles;
    sum.images++;
}

std::map<Key, Occurrence> occurrences_of(const Report &report)
{
    std::map<Key, Occurrence> all;
    for (const ImageReport &image : report.images)
        for (const Finding &finding : image.findings) {
            const auto [at, first] = all.try_emplace({program_of(image), id_of(finding)});
            if (first)
                at->second = {finding, image.trace.cycles, 1, image.trace};
            else
                add(at->second, finding, image.trace);
        }
    return all;
}

std::set<std::string> programs_of(const Report &report)
{
    std::set<std::string> programs;
    for (const ImageReport &image : report.images)
        programs.insert(program_of(image));
    return programs;
}

bool by_cycles(const Occurrence &before, const Occurrence &after)
{
    return has_rate(before) && has_rate(after) && before.cycles != after.cycles;
}

/// Whether `a` is more than `b`, beyond what one cycle at the end of either run makes out.
bool rate_is_higher(const Occurrence &a, const Occurrence &b)
{
    const double slack = 1.0 / static_cast<double>(a.cycles) + 1.0 / static_cast<double>(b.cycles);
    return a.finding.per_cycle > b.finding.per_cycle * (1 + slack);
}

/// Whether more is left now than there was, by the measure that fits both runs.
bool is_more(const Occurrence &now, const Occurrence &then)
{
    return by_cycles(then, now) ? rate_is_higher(now, then) : now.finding.count > then.finding.count;
}

/// A suppression hides how severe a finding would be.
bool became_more_severe(const Finding &before, const Finding &after)
{
    return before.suppressed_by.empty() && after.suppressed_by.empty() && after.severity > before.severity;
}

Difference difference_of(std::string program, const Occurrence *before, const Occurrence *after)
{
    Difference difference;
    difference.program = std::move(program);
    if (before)
        difference.before = *before;
    if (after)
        difference.after = *after;
    if (!before || !after) {
        difference.change = before ? Change::gone : Change::added;
        return difference;
    }
    difference.by = by_cycles(*before, *after) ? Measure::per_cycle : Measure::count;
    if (is_more(*after, *before)) {
        difference.change = Change::grown;
    } else if (became_more_severe(before->finding, after->finding)) {
        difference.change = Change::grown;
        difference.by = Measure::severity;
    } else if (is_more(*before, *after)) {
        difference.change = Change::shrunk;
    }
    return difference;
}

bool comes_before(const Difference &a, const Difference &b)
{
    if (std::tie(a.program, b.change) != std::tie(b.program, a.change))
        return std::tie(a.program, b.change) < std::tie(b.program, a.change);
    return worse(a.finding(), b.finding());
}

/// By how much it has grown since the baseline.
std::string growth_sentence(const Difference &difference)
{
    const Finding &before = difference.before->finding, &after = difference.after->finding;
    switch (difference.by) {
    case Measure::per_cycle:
        return fmt::format("grown: {:.3g} per cycle in the baseline, {:.3g} now", before.per_cycle,
                           after.per_cycle);
    case Measure::severity:
        return fmt::format("{} in the baseline, as many but more severe now", before.count);
    case Measure::count:
        break;
    }
    return fmt::format(
        "grown: {} in the baseline, {} now{}", before.count, after.count,
        difference.after->images > 1
            ? fmt::format(" in {} processes of {}", difference.after->images, difference.program)
            : std::string());
}

/// What a reader must know of a report before he compares its counts.
std::vector<std::string> reservations(const Report &report, std::string_view which)
{
    std::vector<std::string> remarks;
    uint64_t lost = 0;
    for (const ImageReport &image : report.images)
        lost += image.trace.events_lost;
    if (lost > 0)
        remarks.push_back(fmt::format("the {} report lost {} events: its counts may be wrong", which, lost));
    if (report.images.empty())
        remarks.push_back(fmt::format("the {} report has no process in it", which));
    return remarks;
}

bool has_more_than_notes(const Comparison &comparison, const std::string &program)
{
    return std::any_of(comparison.differences.begin(), comparison.differences.end(),
                       [&program](const Difference &one) {
                           return one.program == program && one.finding().severity != Severity::note;
                       });
}

} // namespace

bool Difference::counts(Severity least) const
{
    return (change == Change::added || change == Change::grown) && !suppressed() &&
           finding().severity >= least;
}

Comparison compare(const Report &before, const Report &after)
{
    Comparison result;
    std::map<Key, Occurrence> old = occurrences_of(before);
    const std::map<Key, Occurrence> now = occurrences_of(after);
    std::set<std::string> programs_before = programs_of(before);
    const std::set<std::string> programs_after = programs_of(after);
    if (programs_before.size() == 1 && programs_after.size() == 1 && programs_before != programs_after) {
        result.remarks.push_back(fmt::format("'{}' is compared with '{}': each report has one program",
                                             *programs_before.begin(), *programs_after.begin()));
        std::map<Key, Occurrence> renamed;
        for (auto &[key, occurrence] : old)
            renamed.emplace(Key{*programs_after.begin(), key.second}, std::move(occurrence));
        old = std::move(renamed);
        programs_before = programs_after;
    }
    std::set_union(programs_before.begin(), programs_before.end(), programs_after.begin(),
                   programs_after.end(), std::back_inserter(result.programs));
    for (const auto &[key, occurrence] : now) {
        const auto then = old.find(key);
        result.differences.push_back(
            difference_of(key.first, then == old.end() ? nullptr : &then->second, &occurrence));
    }
    for (const auto &[key, occurrence] : old)
        if (!now.contains(key))
            result.differences.push_back(difference_of(key.first, &occurrence, nullptr));
    std::sort(result.differences.begin(), result.differences.end(), comes_before);
    for (const auto &[report, which] : {std::pair(&before, "old"), std::pair(&after, "new")})
        for (std::string &remark : reservations(*report, which))
            result.remarks.push_back(std::move(remark));
    for (const std::string &program : result.programs) {
        const bool was = programs_before.contains(program), is = programs_after.contains(program);
        if (was != is && has_more_than_notes(result, program))
            result.remarks.push_back(fmt::format("'{}' did not run in the {}", program,
                                                 was ? "new report: what it had left counts as gone"
                                                     : "old report: all that it has left counts as new"));
    }
    return result;
}

void mark_baseline(Report &report, const Report &baseline)
{
    const std::map<Key, Occurrence> old = occurrences_of(baseline), now = occurrences_of(report);
    const std::set<std::string> known = programs_of(baseline);
    std::set<std::string> unknown;
    for (ImageReport &image : report.images) {
        const std::string program = program_of(image);
        for (Finding &finding : image.findings) {
            const auto then = old.find({program, id_of(finding)});
            finding.baseline.reset(); // of an earlier comparison
            if (then == old.end()) {
                if (!known.contains(program) && finding.severity != Severity::note && !finding.accepted())
                    unknown.insert(program);
                continue;
            }
            const Occurrence &before = then->second;
            const Difference difference = difference_of(program, &before, &now.at(then->first));
            const bool grown = difference.change == Change::grown;
            finding.baseline =
                Baseline{before.finding.count, before.finding.bytes, before.finding.per_cycle, grown};
            if (grown)
                finding.remarks.insert(finding.remarks.begin(), growth_sentence(difference));
        }
        std::sort(image.findings.begin(), image.findings.end(),
                  [](const Finding &a, const Finding &b) { return worse(a, b); });
    }
    std::stable_sort(report.images.begin(), report.images.end(),
                     [](const ImageReport &a, const ImageReport &b) { return worse(a, b); });

    for (const std::string &program : unknown)
        report.remarks.push_back(
            fmt::format("the baseline has no program '{}' (it has {})", program, fmt::join(known, ", ")));
    const std::set<std::string> programs = programs_of(report);
    const auto gone = std::count_if(old.begin(), old.end(), [&](const auto &one) {
        return one.second.finding.severity != Severity::note && programs.contains(one.first.first) &&
               !now.contains(one.first);
    });
    if (gone > 0)
        report.remarks.push_back(
            fmt::format("{} of the baseline {} no longer found: save this report as the new baseline "
                        "(--output json:FILE)",
                        gone == 1 ? std::string("1 finding") : fmt::format("{} findings", gone),
                        gone == 1 ? "is" : "are"));
}

} // namespace unpaired
