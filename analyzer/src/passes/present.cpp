#include "passes/present.h"

#include "families.h"
#include "input/site_stacks.h"
#include "passes/hold.h"
#include "passes/judge.h"
#include "passes/names.h"

#include <set>

namespace unpaired {
namespace {

constexpr size_t addresses_for_wrappers = 5;

Stack stack_of(const Trace &trace, Stacks &stacks, uint32_t site)
{
    auto at = trace.sites.find(site);
    return at == trace.sites.end() ? Stack() : stacks.of(at->second);
}

bool yields_memory(const Trace &trace, const Site &site)
{
    auto family = trace.dictionary.families.find(site.family);
    if (family == trace.dictionary.families.end())
        return false;
    auto space = trace.dictionary.spaces.find(family->second.space);
    return space != trace.dictionary.spaces.end() &&
           class_of_space(space->second.name, space->second.kind) == ResourceClass::memory;
}

bool is_acquisition(const Trace &trace, const Site &site)
{
    auto at = trace.dictionary.functions.find(site.function);
    return at != trace.dictionary.functions.end() &&
           (at->second.role == UNPAIRED_ROLE_ACQUIRE || at->second.role == UNPAIRED_ROLE_MOVE);
}

bool is_c_library(const Frame &frame)
{
    const std::string &path = frame.module;
    const std::string name = path.substr(path.rfind('/') + 1);
    return name.starts_with("libc.so") || name.starts_with("libc-");
}

/// A function of the C library under the name that programs call: __strdup is strdup, __asprintf_chk asprintf.
std::string name_in_c_library(std::string_view name)
{
    for (std::string_view prefix : {"_IO_", "__"})
        if (name.starts_with(prefix))
            name.remove_prefix(prefix.size());
    constexpr std::string_view fortified = "_chk";
    if (name.ends_with(fortified))
        name.remove_suffix(fortified.size());
    return std::string(name);
}

/// The function of another module that the blamed frame called to come to the acquirer. One that only allocates tells
/// no more than the acquirer does, unless it is the C library's (strdup, getline): that is what stands in the source.
std::string library_between(const Finding &finding, size_t blamed, const Wrappers &wrappers)
{
    const bool memory = acquires_memory(finding.function);
    for (size_t i = blamed; i-- > 0;) {
        const Frame &frame = finding.stack[i];
        if (is_c_library(frame) && frame.module != finding.blame.module && !frame.function.empty())
            return frame.function == finding.function ? "" : name_in_c_library(frame.function);
        if (!frame.function.empty() && !frame.module.empty() && frame.module != finding.blame.module &&
            frame.function != finding.function && !is_wrapper_name(frame.function) &&
            !(memory && wrappers.is_wrapper(finding.function, frame.function)))
            return frame.function;
    }
    return "";
}

} // namespace

Wrappers learn_wrappers(const Trace &trace, const std::vector<PairedImage> &images, Stacks &stacks)
{
    // Names cost time: a site is worth them only if its innermost function also stands in an unpaired stack.
    std::set<uint32_t> unpaired;
    for (const PairedImage &image : images)
        for (const SiteTally &tally : image.sites)
            if (!tally.live.empty() || tally.lost > 0)
                unpaired.insert(tally.site);
    std::set<std::pair<uint16_t, std::string>> candidates;
    for (uint32_t id : unpaired)
        if (Stack frames = stacks.of(trace.sites.at(id), 1); !frames.empty())
            candidates.insert({trace.sites.at(id).function, frames.front().function});

    Wrappers wrappers;
    for (const auto &[id, site] : trace.sites) {
        if (!is_acquisition(trace, site))
            continue;
        Stack innermost = stacks.of(site, 1);
        if (innermost.empty() || !candidates.contains({site.function, innermost.front().function}))
            continue;
        wrappers.learn(function_name(trace, site.function), yields_memory(trace, site),
                       stacks.of(site, addresses_for_wrappers));
    }
    wrappers.conclude();
    return wrappers;
}

std::vector<Described> present(const std::vector<Case> &cases, const Trace &trace, Stacks &stacks,
                               const Wrappers &wrappers, const std::vector<OwnerRule> &rules,
                               const std::string &program)
{
    Holders holders(trace, stacks, wrappers, rules, program);
    std::vector<Described> result;
    result.reserve(cases.size());
    for (const Case &one : cases) {
        Described &described = result.emplace_back();
        Finding &finding = described.finding;
        finding.rule = one.rule;
        finding.family = family_name(trace, one.family, one.space);
        finding.function = function_name(trace, one.function);
        finding.count = one.count;
        finding.bytes = one.bytes;
        finding.each = one.each;
        finding.acquired = one.acquired;
        finding.released = one.released;
        finding.remarks = one.remarks;
        for (const PartTally &part : one.parts) {
            Part &sum = finding.parts[family_name(trace, part.family)];
            sum.count += part.count;
            sum.bytes += part.bytes;
        }
        if (auto site = trace.sites.find(one.site); site != trace.sites.end()) {
            finding.stack = stacks.of(site->second);
            finding.stack.shrink_to_fit(); // it stays, as ten thousand others may
            finding.owner = owner_of(site->second, finding.stack, rules);
            if (is_acquisition(trace, site->second))
                described.sites.insert(site->first);
            for (const uint64_t innermost : addresses_of(trace, site->second, 1))
                described.address = stacks.file_address(site->second, innermost);
        }
        if (one.failed.function != 0) {
            FailedRelease &failed = finding.failed_release.emplace();
            failed.function = function_name(trace, one.failed.function);
            failed.result = one.failed.result;
            failed.error = one.failed.error;
            failed.count = one.failed.count;
            failed.preceded_by = function_name(trace, one.failed.observed);
            failed.preceded_by_result = one.failed.observed_result;
            failed.stack = stack_of(trace, stacks, one.failed.site);
            failed.at =
                choose_blame(failed.function, failed.stack, wrappers, program, of_firmware(trace)).frame;
        }
        if (one.ended.function != 0)
            finding.ended_by =
                EndedBy{function_name(trace, one.ended.function), stack_of(trace, stacks, one.ended.site)};

        holders.tell(finding, one.slots);

        Blame blame = choose_blame(finding.function, finding.stack, wrappers, program, of_firmware(trace));
        finding.blame = blame.frame;
        described.blame_index = blame.index;
        finding.through = library_between(finding, blame.index, wrappers);
        // Of a second release the releasing call is at fault, not where the resource came from.
        if (one.rule == "double-release" && finding.failed_release && !finding.failed_release->stack.empty())
            finding.blame = finding.failed_release->at;
        described.in_program = blame.in_program;
        described.ages = one.ages;
        described.cycles = one.cycles;
        described.standard_streams = one.standard_streams;
        described.space = one.space;
        described.highest_handle = one.highest_handle;
    }
    return result;
}

} // namespace unpaired
