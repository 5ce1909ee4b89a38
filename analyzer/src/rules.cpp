#include "rules.h"

#include <algorithm>
#include <array>

namespace unpaired {
namespace {

constexpr std::array<Rule, 13> all_rules = {{
    {"never-released", "Acquired and never released",
     "Nothing gave back what was acquired here. Look at the blamed frame: which path leaves it, or the "
     "object "
     "that holds the resource, without the release?",
     true},
    {"release-failed", "A release failed, and the resource still exists",
     "A release was tried and returned an error. Check its result, and what was done to the handle before "
     "(a shutdown, a state that forbids the release).",
     true},
    {"storage-freed-live", "Memory that holds a live object was freed",
     "The memory around a lock or another object that is initialised in place was freed before the object "
     "was "
     "destroyed. Destroy it first, on every path that frees its memory.",
     true},
    {"reinitialised-live", "Initialised again while live",
     "An object was initialised over one that was never destroyed; what the first one held is lost. Destroy "
     "it "
     "before, or initialise it once.",
     true},
    {"double-release", "Released twice",
     "A handle was released that had been released already; it may belong to somebody else by then. The "
     "first "
     "release is shown too: one of the two is too many.",
     false},
    {"mismatched-release", "Given to a function that does not release this kind",
     "The acquirer and the releaser do not belong together (new[] and free, fopen and close). Use the "
     "releaser "
     "that the acquirer's manual names.",
     false},
    {"release-unknown", "A release of what was never acquired",
     "A handle was released, or a lock unlocked, that nothing acquired. Often a variable that was never set, "
     "or "
     "an error path that releases what it failed to get.",
     false},
    {"foreign-release", "Released by another owner than the one that acquired it",
     "One owner acquired it and another released it. If ownership is handed over on purpose, say so with the "
     "owners' rules or a suppression.",
     false},
    {"tag-overwritten", "A block was written past its end",
     "The bytes behind the block were changed: somebody wrote past its end. Build with AddressSanitizer to "
     "see "
     "the write.",
     false},
    {"held-at-exit", "A lock was still held by a thread that ended",
     "The thread ended without unlocking; whoever locks it next waits for ever. Unlock on every path that "
     "leaves the thread.",
     true},
    {"limit-reached", "An acquisition failed because there were no handles left",
     "The program ran out. Look for the findings of the same family: what holds the handles?", false},
    {"released-with-error", "Released, though the release returned an error",
     "The resource is gone, but the release failed on the way: written data may be lost. Check its result.",
     false},
    {"exec-inherited", "A descriptor reached a program that was started by exec",
     "It was open without close-on-exec when another program took over, which may not know of it. Open it "
     "with "
     "O_CLOEXEC, or close it before.",
     false},
}};

} // namespace

std::span<const Rule> rules() { return all_rules; }

const Rule *find_rule(std::string_view name)
{
    const auto *found =
        std::find_if(all_rules.begin(), all_rules.end(), [&](const Rule &rule) { return rule.name == name; });
    return found == all_rules.end() ? nullptr : found;
}

std::string_view severity_name(Severity severity)
{
    switch (severity) {
    case Severity::leak:
        return "leak";
    case Severity::suspect:
        return "suspect";
    case Severity::note:
        break;
    }
    return "note";
}

} // namespace unpaired
