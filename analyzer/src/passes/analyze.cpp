#include "passes/analyze.h"

#include "passes/account.h"
#include "passes/blame.h"
#include "passes/classify.h"
#include "passes/cycles.h"
#include "passes/describe.h"
#include "passes/group.h"
#include "passes/growth.h"
#include "passes/incidents.h"
#include "passes/judge.h"
#include "passes/limits.h"
#include "passes/pair.h"
#include "passes/present.h"
#include "passes/siblings.h"
#include "passes/stream_buffers.h"
#include "passes/totals.h"
#include "words.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace unpaired {
namespace {

/// Whether anything is known of an image but that it has an extent.
bool says_anything(const Trace &trace, const PairedImage &paired)
{
    auto image = trace.images.find(paired.image);
    return !paired.sites.empty() || (image != trace.images.end() && image->second.recorded);
}

/// Makes a leak a suspect if parts of the trace are missing: they may contain its release.
void doubt_after_damage(Finding &finding, const Trace &trace)
{
    if (!trace.checksum_failed || finding.severity != Severity::leak)
        return;
    finding.severity = Severity::suspect;
    finding.remarks.emplace_back("not certain: parts of the trace are damaged");
}

/// Of handles that are all left it is worth saying that nobody even tried: a recorder sees a release that fails, and
/// without losses it saw none.
void tell_untried(Finding &finding, const TraceInfo &trace)
{
    const bool watched = trace.source == "preload" || trace.source == "wrap";
    if (finding.rule == "never-released" && finding.severity != Severity::note && finding.released == 0 &&
        finding.count == finding.acquired && watched && trace.events_lost == 0)
        finding.remarks.push_back(
            fmt::format("no {} of any was ever tried", family_release(finding.family, 1)));
}

/// Whether all of it was acquired after the memory of the ending process was searched: by threads that went on, or by
/// what runs last.
bool acquired_after_look(const Described &one, const Trace &trace, uint16_t image, Ending ending)
{
    constexpr uint32_t clock_step_ms = 10; // a recorder's clock stands still for up to this long
    auto look = trace.looks.find(image);
    return ending == Ending::exit && look != trace.looks.end() && !one.finding.reached.any() &&
           !one.ages.empty() && std::all_of(one.ages.begin(), one.ages.end(), [&](const Age &age) {
               return age.time_ms + clock_step_ms >= look->second.time_ms;
           });
}

ResourceClass class_of(const Described &one, const Trace &trace)
{
    auto space = trace.dictionary.spaces.find(one.space);
    return space == trace.dictionary.spaces.end() ? ResourceClass::handle
                                                  : class_of_space(space->second.name, space->second.kind);
}

/// Returns the number of unrecorded events that may have been releases of the finding's resources.
uint64_t releases_missed(const Described &one, const Trace &trace)
{
    auto space = trace.dictionary.spaces.find(one.space);
    const bool heap = space != trace.dictionary.spaces.end() && space->second.name == "heap";
    return trace.drops[UNPAIRED_DROP_REENTERED] +
           trace.drops[heap ? UNPAIRED_DROP_SEARCH : UNPAIRED_DROP_INDEX];
}

/// Doubts a finding after lost events, which may include its releases: at least as many were lost as resources are
/// outstanding, and others of the finding were released.
void doubt_after_losses(Described &one, const Trace &trace)
{
    Finding &finding = one.finding;
    const uint64_t missed = releases_missed(one, trace), lost = trace.events_lost + missed;
    if (finding.rule != "never-released" || lost == 0)
        return;
    const bool doubtful = lost >= finding.count && finding.released != 0;
    if (doubtful)
        finding.severity = std::min(finding.severity, Severity::suspect);
    if (doubtful && missed == 0)
        finding.remarks.push_back(
            fmt::format("{} events were lost: the releases of these may be among them", lost));
    else if (missed != 0 && finding.severity != Severity::note)
        finding.remarks.push_back(fmt::format("{} could not be recorded: releases of these may be among them",
                                              lost == 1 ? "1 event" : fmt::format("{} events", lost)));
}

void excuse_after_look(Described &one, const Trace &trace, uint16_t image, Ending ending)
{
    if (one.finding.severity != Severity::suspect || class_of(one, trace) != ResourceClass::memory ||
        !acquired_after_look(one, trace, image, ending))
        return;
    one.finding.severity = Severity::note;
    one.finding.remarks.emplace_back("acquired while the program was ending");
}

/// Makes suspects notes in a forked child that was not searched since it acquired little. Its end released all its
/// memory, and most of that was in use to the end; earlier children were searched.
void excuse_not_searched(Described &one, const Trace &trace, uint16_t image)
{
    const bool skipped = std::any_of(trace.notes.begin(), trace.notes.end(), [&](const Note &note) {
        return note.image == image && note.note == UNPAIRED_NOTE_REACH_SKIPPED;
    });
    if (skipped && one.finding.severity == Severity::suspect && one.finding.rule == "never-released" &&
        class_of(one, trace) == ResourceClass::memory)
        one.finding.severity = Severity::note;
}

/// Which call begins a cycle was only guessed, and a cache grows with what is asked of it, too.
void doubt_found_cycles(Described &one, const Trace &trace, const Cycles &cycles)
{
    Finding &finding = one.finding;
    const Reached &reached = finding.reached;
    if (cycles.source != "found" || finding.rule != "never-released" || finding.severity != Severity::leak ||
        class_of(one, trace) != ResourceClass::memory || reached.lost.count > 0 ||
        reached.reachable.count + reached.possibly.count == 0)
        return;
    finding.severity = Severity::suspect;
    finding.remarks.push_back(
        fmt::format("grows, but is still held: a cache that fills, or a list that nobody shortens (of cycles "
                    "that are given, as by --cycle={}, this is a leak)",
                    cycles.name));
}

void judge_all(std::vector<Described> &findings, const Trace &trace, const ImageFacts &facts,
               const Cycles &cycles, const Processes &processes)
{
    const bool of_helper_shell =
        is_shell(facts.info.program) && processes.is_recorded(static_cast<uint32_t>(facts.info.parent));
    for (Described &one : findings) {
        const GrowthVerdict growth = growth_of(one, cycles, facts.run);
        one.finding.growth = growth.growth;
        one.finding.per_cycle = growth.per_cycle;
        one.finding.severity = judge(one, growth, class_of(one, trace), facts.ending, of_helper_shell);
    }
}

/// What the findings looked like over time; by cycle where each one's is known.
void tell_series(std::vector<Described> &findings, const Cycles &cycles, Run run, ImageReport &image)
{
    run.cycles = cycles.placed() ? cycles.count : 0;
    for (Described &one : findings) {
        one.finding.series = sum_up(one.ages, run);
        if (!one.finding.series.empty())
            image.series_unit = run.cycles > 0 ? "cycle" : "second";
    }
}

void tell_cycles(const Cycles &cycles, ImageFacts &facts)
{
    facts.info.cycles = cycles.count;
    facts.info.cycle_source = cycles.source;
    facts.info.cycle_name = cycles.name;
    if (!cycles.remark.empty())
        facts.remarks.push_back(cycles.remark);
}

void suppress(ImageReport &report, Suppressions &suppressions)
{
    for (Finding &finding : report.findings)
        if (finding.severity != Severity::leak && is_lifelong(finding))
            finding.severity = Severity::note;
    apply_suppressions(suppressions, report);
}

} // namespace

Report analyze(const std::vector<Trace> &traces, const AnalyzeOptions &options, Symbolize &symbolize)
{
    Report report;
    Suppressions suppressions = options.suppressions;
    const Processes processes(traces);
    for (const Trace &trace : traces) {
        Stacks stacks(trace, symbolize, options.name_variable);
        std::vector<PairedImage> images = pair(trace);
        adopt_stream_buffers(trace, images, [&](uint32_t site) { return stacks.of(trace.sites.at(site)); });
        const Wrappers wrappers = learn_wrappers(trace, images, stacks);
        for (const PairedImage &paired : images) {
            if (!says_anything(trace, paired))
                continue;
            ImageReport image;
            ImageFacts facts = describe(trace, paired, processes);
            std::vector<Described> findings =
                group(present(classify(trace, paired, facts.ending == Ending::exit), trace, stacks, wrappers,
                              options.owner_rules, facts.info.program));
            count_all_sites(findings, trace, paired, stacks, wrappers, options.owner_rules,
                            facts.info.program);
            Cycles cycles = given_cycles(trace, paired, facts.run, options.cycle_function);
            place_in_cycles(findings, cycles);
            const LimitedImage limited{trace, paired, facts, options.limits};
            findings = explain_limits(std::move(findings), limited, facts.remarks);
            judge_all(findings, trace, facts, cycles, processes);
            if (cycles.count == 0 && options.cycle_function.empty() && trace.cycle_function.empty()) {
                cycles =
                    find_cycles(findings, trace, paired, facts.run, stacks, wrappers, facts.info.program);
                judge_all(findings, trace, facts, cycles, processes);
            }
            tell_cycles(cycles, facts);
            for (Described &one : findings) {
                excuse_after_look(one, trace, paired.image, facts.ending);
                excuse_not_searched(one, trace, paired.image);
                doubt_found_cycles(one, trace, cycles);
                doubt_after_losses(one, trace);
                doubt_after_damage(one.finding, trace);
                if (class_of(one, trace) == ResourceClass::handle)
                    tell_untried(one.finding, facts.info);
            }
            forecast_limits(findings, limited);
            name_siblings(findings, trace, paired, stacks, wrappers, facts.info.program);

            image.trace = facts.info;
            image.remarks = facts.remarks;
            tell_series(findings, cycles, facts.run, image);
            image.totals = total_by_family(trace, paired);
            image.owners = total_by_owner(trace, paired, [&](const Site &site) {
                return owner_of(site, options.owner_rules.empty() ? Stack() : stacks.of(site),
                                options.owner_rules);
            });
            std::map<std::string, Survivors> survivors;
            image.findings.reserve(findings.size());
            for (Described &one : findings) {
                Described moved = std::move(one); // frees at once the parts that a finding no longer needs
                if (may_be_in_step(moved.finding))
                    survivors[moved.finding.id] = {std::move(moved.ages), moved.cycles};
                image.findings.push_back(std::move(moved.finding));
            }
            findings = {};
            image.modules = stacks.modules_in(image.findings, paired.image);
            suppress(image, suppressions);
            std::sort(image.findings.begin(), image.findings.end(),
                      [](const Finding &a, const Finding &b) { return worse(a, b); });
            image.incidents = find_incidents(image, survivors);
            report.images.push_back(std::move(image));
        }
    }
    std::stable_sort(report.images.begin(), report.images.end(),
                     [](const ImageReport &a, const ImageReport &b) { return worse(a, b); });
    report.unused_suppressions = unused_suppressions(suppressions);
    return report;
}

} // namespace unpaired
