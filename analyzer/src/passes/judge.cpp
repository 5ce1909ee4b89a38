#include "passes/judge.h"

#include "families.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace unpaired {
namespace {

template <size_t N> bool one_of(std::string_view text, const std::array<std::string_view, N> &names)
{
    return std::find(names.begin(), names.end(), text) != names.end();
}

/// Such as lwIP's stack, which is started once and has no way to stop. Its timeouts put themselves up again when they
/// have come, in a new pool element.
bool is_started_for_life(const std::string &family, const Stack &stack)
{
    // sys_timeout_abs and lwip_cyclic_timer lie between, where inlined calls are known; more would be somebody else's
    constexpr size_t innermost = 3;
    for (size_t i = 0; i < stack.size(); i++)
        if (is_for_life(stack[i].function) ||
            (family == "memp" && i < innermost && stack[i].function == "sys_check_timeouts"))
            return true;
    return false;
}

/// What memory itself says is better than any guess from numbers.
Severity judge_by_reach(const Reached &reached)
{
    if (reached.lost.count > 0)
        return Severity::leak;
    // what is lost with its holder is told there; what is held may be wanted
    return reached.possibly.count >= 2 ? Severity::suspect : Severity::note;
}

/// A device gives nothing back at its end, for it has none. What start-up acquired is for life, and so is a
/// single one of anything; what comes and goes was caught while it was there.
Severity judge_on_device(const Finding &finding, const GrowthVerdict &growth, ResourceClass resource)
{
    if (growth.still_growing)
        return Severity::suspect;
    const bool comes_and_goes = growth.growth == Growth::sawtooth && finding.released * 2 >= finding.acquired;
    // a place that closes some of its sockets did not open the others for life; memory may be a cache's
    const bool for_life = growth.at_start && (resource == ResourceClass::memory || finding.released == 0);
    if (resource == ResourceClass::lifelong || for_life || comes_and_goes)
        return Severity::note;
    return finding.count >= 2 ? Severity::suspect : Severity::note;
}

Severity judge_unreleased(const Described &described, const GrowthVerdict &growth, ResourceClass resource,
                          Ending ending, bool of_helper_shell)
{
    const uint64_t count = described.finding.count;
    if (described.standard_streams)
        return Severity::note;
    // several call sites that a capture does not tell look like one: how they grow says nothing, and a remark tells
    // how much it is
    if (ending == Ending::device && described.finding.stack.empty() &&
        described.finding.reachability == "unknown")
        return Severity::note;
    if (growth.over_cycles)
        return Severity::leak;
    // what the system's libraries keep once for themselves
    if (!described.in_program && count == 1)
        return Severity::note;
    if (is_started_for_life(described.finding.family, described.finding.stack))
        return Severity::note;
    if (resource == ResourceClass::memory && of_helper_shell)
        return Severity::note;
    if (resource == ResourceClass::memory && described.finding.reached.any())
        return judge_by_reach(described.finding.reached);
    if (ending == Ending::device)
        return judge_on_device(described.finding, growth, resource);
    switch (ending) {
    case Ending::exec: // the program it became has the descriptors, and the memory is gone
        return Severity::note;
    case Ending::running: // what is live may yet be released
        return resource != ResourceClass::lifelong && growth.still_growing ? Severity::suspect
                                                                           : Severity::note;
    case Ending::exit:
    case Ending::signal:
    case Ending::truncated:
    case Ending::device:
        break;
    }
    switch (resource) {
    case ResourceClass::memory:
        // A killed program's working set: young, and of a kind that was given back all along.
        if (ending != Ending::exit && growth.growth == Growth::sawtooth &&
            described.finding.released * 2 >= described.finding.acquired)
            return Severity::note;
        return count >= 2 || growth.still_growing ? Severity::suspect : Severity::note;
    case ResourceClass::handle:
        // a killed program had no chance to close its one log file
        return ending == Ending::exit || count >= 2 ? Severity::suspect : Severity::note;
    case ResourceClass::lifelong:
        break;
    }
    return Severity::note;
}

size_t count_of(const ImageReport &image, Severity severity)
{
    return static_cast<size_t>(
        std::count_if(image.findings.begin(), image.findings.end(), [&](const Finding &finding) {
            return finding.severity == severity && !finding.accepted();
        }));
}

} // namespace

ResourceClass class_of_space(std::string_view space_name, uint8_t kind)
{
    switch (class_of_table(space_name)) {
    case SpaceClass::memory:
        return ResourceClass::memory;
    case SpaceClass::lifelong:
        return ResourceClass::lifelong;
    case SpaceClass::unsaid:
        break;
    }
    return kind == UNPAIRED_KIND_IN_PLACE ? ResourceClass::lifelong : ResourceClass::handle;
}

Severity judge(const Described &described, const GrowthVerdict &growth, ResourceClass resource, Ending ending,
               bool of_helper_shell)
{
    static constexpr std::array<std::string_view, 5> leaks = {
        "release-failed", "storage-freed-live", "reinitialised-live", "double-release", "tag-overwritten"};
    // running out of handles belongs into the first lines, even if nobody is found to hold them
    static constexpr std::array<std::string_view, 3> suspects = {"mismatched-release", "held-at-exit",
                                                                 "limit-reached"};
    const std::string &rule = described.finding.rule;
    if (one_of(rule, leaks))
        return Severity::leak;
    if (one_of(rule, suspects))
        return Severity::suspect;
    if (rule != "never-released")
        return Severity::note;
    Severity severity = judge_unreleased(described, growth, resource, ending, of_helper_shell);
    // what used up all there was is no small matter, however it ended
    if (described.finding.forecast && described.finding.forecast->reached)
        severity = std::max(severity, Severity::suspect);
    return severity;
}

bool is_shell(std::string_view program)
{
    static constexpr std::array<std::string_view, 8> shells = {
        "/bin/sh",     "/bin/dash",     "/bin/bash",     "/bin/busybox",
        "/usr/bin/sh", "/usr/bin/dash", "/usr/bin/bash", "/usr/bin/busybox"};
    return one_of(program, shells);
}

bool worse(const Finding &a, const Finding &b)
{
    auto reached = [](const Finding &finding) { return finding.forecast && finding.forecast->reached; };
    auto key = [&](const Finding &finding) {
        return std::tuple(!finding.accepted(), finding.severity, reached(finding), finding.count,
                          finding.bytes);
    };
    if (key(a) != key(b))
        return key(a) > key(b);
    return std::tie(a.rule, a.family, a.function, a.id, a.owner) <
           std::tie(b.rule, b.family, b.function, b.id, b.owner);
}

bool worse(const ImageReport &a, const ImageReport &b)
{
    auto key = [](const ImageReport &image) {
        return std::pair(count_of(image, Severity::leak), count_of(image, Severity::suspect));
    };
    bool some_a = key(a) != std::pair<size_t, size_t>(), some_b = key(b) != std::pair<size_t, size_t>();
    if (some_a != some_b)
        return some_a;
    if (key(a) != key(b))
        return key(a) > key(b);
    return std::tie(a.trace.pid, a.trace.program) < std::tie(b.trace.pid, b.trace.program);
}

} // namespace unpaired
