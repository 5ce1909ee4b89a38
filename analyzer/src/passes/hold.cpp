#include "passes/hold.h"

#include "passes/names.h"
#include "words.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <string_view>

namespace unpaired {
namespace {

constexpr size_t previews_kept = 3;
constexpr int longest_chain = 1000;

/// Zeros alone say nothing of what a block is.
bool says_something(const std::vector<uint8_t> &bytes)
{
    return std::any_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte != 0; });
}

const char *name_of(Reachability state)
{
    switch (state) {
    case Reachability::lost:
        return "lost";
    case Reachability::possibly:
        return "possibly";
    case Reachability::reachable:
        return "reachable";
    case Reachability::unknown:
        break;
    }
    return "unknown";
}

Part &part_of(Reached &reached, const Held &held)
{
    switch (held.state) {
    case Reachability::possibly:
        return reached.possibly;
    case Reachability::lost:
        return held.indirect ? reached.indirectly_lost : reached.lost;
    case Reachability::reachable:
    case Reachability::unknown:
        break;
    }
    return reached.reachable;
}

int rank(const Held &held)
{
    return static_cast<int>(held.state) * 2 - (held.state == Reachability::lost && held.indirect ? 1 : 0);
}

int rank(std::string_view reachability)
{
    return reachability == "lost" ? 3 : reachability == "possibly" ? 2 : reachability == "reachable" ? 1 : 0;
}

/// "a heap block of MQTT (malloc in session_new, session.c:10)"
std::string block_text(const Trace &trace, uint32_t slot, Stacks &stacks, const Wrappers &wrappers,
                       const std::vector<OwnerRule> &rules, const std::string &program)
{
    auto at = trace.sites.find(trace.slots[slot].site);
    if (at == trace.sites.end())
        return "another block";
    const Site &site = at->second;
    const std::vector<Frame> stack = stacks.of(site);
    const std::string function = function_name(trace, site.function), owner = owner_of(site, stack, rules);
    const Frame blame = choose_blame(function, stack, wrappers, program, of_firmware(trace)).frame;
    std::string text = "another block";
    if (!owner.empty())
        text += " of " + owner;
    const std::string &file = blame.file;
    std::string place = function_text(function);
    if (!blame.function.empty())
        place += fmt::format(" in {}", blame.function);
    if (!file.empty())
        place += fmt::format(", {}:{}", file.substr(file.rfind('/') + 1), blame.line);
    if (!place.empty())
        text += fmt::format(" ({})", place);
    return text;
}

std::string thread_text(const Trace &trace, uint16_t image, uint32_t tid)
{
    for (const auto &[id, thread] : trace.threads)
        if (thread.tid == tid && thread.image == image && !thread.name.empty())
            return fmt::format("thread {} ({})", tid, thread.name);
    return fmt::format("thread {}", tid);
}

/// What holds a block, if that is no recorded block; "" for nothing.
std::string root_text(const Trace &trace, const Held &held, uint16_t image, const Stacks &stacks)
{
    if (!held.by.empty())
        return held.by;
    switch (held.holder) {
    case UNPAIRED_HOLDER_DATA:
        if (std::string name = stacks.variable_at(image, held.at); !name.empty())
            return name;
        return fmt::format("memory of no recorded block ({:#x})", held.at);
    case UNPAIRED_HOLDER_STACK:
        return "the stack of " + thread_text(trace, image, held.tid);
    case UNPAIRED_HOLDER_TLS:
        return "thread-local storage of " + thread_text(trace, image, held.tid);
    case UNPAIRED_HOLDER_STALE:
        return fmt::format("memory that may be out of use ({:#x})", held.at);
    case UNPAIRED_HOLDER_REGISTER:
        return "a register of " + thread_text(trace, image, held.tid);
    case UNPAIRED_HOLDER_BLOCK:
        return fmt::format("a block that was not recorded ({:#x})", held.at);
    case UNPAIRED_HOLDER_NONE:
    case UNPAIRED_HOLDER_FREED:
        return "";
    default:
        return "something that this version has no name for";
    }
}

/// What holds the first block in a chain of blocks that hold each other; "" if that is a lost one.
std::string end_of_chain(const Trace &trace, const Held &first, uint16_t image, const Stacks &stacks)
{
    const Held *held = &first;
    for (int i = 0; i < longest_chain && held->by_slot != Held::no_slot; i++)
        held = &trace.held[held->by_slot];
    return root_text(trace, *held, image, stacks);
}

/// Whether the block is possibly lost for no other reason than what it is.
bool is_reservation(const Trace &trace, uint32_t slot)
{
    const Held &held = trace.held[slot];
    return held.state == Reachability::possibly && held.by_slot == Held::no_slot && held.by.empty() &&
           held.holder == UNPAIRED_HOLDER_NONE && (trace.slots[slot].flags & UNPAIRED_SLOT_RESERVED) != 0;
}

bool is_same_place(const LastHolder &a, const LastHolder &b)
{
    return a.size == b.size && a.function == b.function && a.at.function == b.at.function &&
           a.at.file == b.at.file && a.at.line == b.at.line;
}

/// The frame to look at of a release: outside of what only hands blocks on to `function`, which is told by who else
/// calls that.
Frame releaser(const std::string &function, const Site &release, const std::vector<Frame> &stack,
               const Trace &trace, Stacks &stacks, const std::string &program)
{
    constexpr size_t addresses_for_wrappers = 4;
    Wrappers wrappers;
    for (const auto &[id, site] : trace.sites)
        if (site.function == release.function)
            if (const std::vector<Frame> frames = stacks.of(site, addresses_for_wrappers);
                !frames.empty() && !stack.empty() && frames.front().function == stack.front().function)
                wrappers.learn(function, true, frames);
    wrappers.conclude();
    return choose_blame(function, stack, wrappers, program, of_firmware(trace)).frame;
}

/// Of the lost blocks of `slots` that a freed block pointed to last, those whose block was freed where most were.
std::optional<LastHolder> last_holder_of(const std::vector<uint32_t> &slots, const Trace &trace,
                                         Stacks &stacks, const std::string &program)
{
    std::map<std::pair<uint32_t, uint64_t>, uint64_t> counts; // by site of the release, and size
    for (uint32_t slot : slots)
        if (const Held &held = trace.held[slot];
            held.freed_site != 0 && trace.sites.contains(held.freed_site))
            counts[{held.freed_site, held.freed_size}]++;
    if (counts.empty())
        return {};
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](const auto &a, const auto &b) { return a.second < b.second; });
    const Site &site = trace.sites.at(most->first.first);
    LastHolder last;
    last.count = most->second;
    last.size = most->first.second;
    last.function = function_name(trace, site.function);
    last.stack = stacks.of(site);
    last.at = releaser(last.function, site, last.stack, trace, stacks, program);
    return last;
}

} // namespace

void tell_holders(Finding &finding, const std::vector<uint32_t> &slots, const Trace &trace, Stacks &stacks,
                  const Wrappers &wrappers, const std::vector<OwnerRule> &rules, const std::string &program)
{
    std::vector<uint32_t> looked_at;
    for (uint32_t slot : slots) {
        if (slot >= trace.held.size() || trace.held[slot].state == Reachability::unknown)
            continue;
        looked_at.push_back(slot);
        Part &part = part_of(finding.reached, trace.held[slot]);
        part.count++;
        part.bytes += trace.slots[slot].size;
    }
    if (looked_at.empty())
        return;
    std::stable_sort(looked_at.begin(), looked_at.end(),
                     [&](uint32_t a, uint32_t b) { return rank(trace.held[a]) > rank(trace.held[b]); });
    finding.reachability = name_of(trace.held[looked_at.front()].state);
    for (uint32_t slot : looked_at)
        if (finding.preview.size() < previews_kept && says_something(trace.held[slot].beginning))
            finding.preview.push_back({trace.slots[slot].handle, trace.held[slot].beginning});

    if (const auto n = std::count_if(looked_at.begin(), looked_at.end(),
                                     [&](uint32_t slot) { return is_reservation(trace, slot); });
        n > 0)
        finding.remarks.push_back(fmt::format(
            "{} address space that was only reserved (PROT_NONE): addresses there are often computed, so "
            "that nothing points to it does not say it is lost",
            static_cast<size_t>(n) == finding.count ? "this is" : fmt::format("{} of them are", n)));
    finding.last_holder = last_holder_of(looked_at, trace, stacks, program);

    const auto with_holder = std::find_if(looked_at.begin(), looked_at.end(), [&](uint32_t slot) {
        const Held &held = trace.held[slot];
        return held.by_slot != Held::no_slot || !held.by.empty() ||
               (held.holder != UNPAIRED_HOLDER_NONE && held.holder != UNPAIRED_HOLDER_FREED);
    });
    if (with_holder == looked_at.end())
        return;
    const Held &held = trace.held[*with_holder];
    const uint16_t image = trace.slots[*with_holder].image;
    const char *how = held.interior ? "pointed into by" : "held by";
    if (held.by_slot == Held::no_slot) {
        finding.held_by = fmt::format("{} {}", how, root_text(trace, held, image, stacks));
        return;
    }
    finding.held_by =
        fmt::format("{} {}", how, block_text(trace, held.by_slot, stacks, wrappers, rules, program));
    if (const std::string root = end_of_chain(trace, held, image, stacks); !root.empty())
        finding.held_by += fmt::format(", in the end by {}", root);
}

void merge_held(Finding &into, Finding &&other)
{
    const auto add = [](Part &to, const Part &part) {
        to.count += part.count;
        to.bytes += part.bytes;
    };
    add(into.reached.lost, other.reached.lost);
    add(into.reached.indirectly_lost, other.reached.indirectly_lost);
    add(into.reached.possibly, other.reached.possibly);
    add(into.reached.reachable, other.reached.reachable);
    if (rank(other.reachability) > rank(into.reachability)) {
        into.reachability.swap(other.reachability);
        into.held_by.swap(other.held_by);
        into.preview.swap(other.preview);
    }
    if (!into.last_holder || (other.last_holder && other.last_holder->count > into.last_holder->count))
        into.last_holder.swap(other.last_holder);
    if (other.last_holder && is_same_place(*into.last_holder, *other.last_holder))
        into.last_holder->count += other.last_holder->count;
    if (into.held_by.empty())
        into.held_by = std::move(other.held_by);
    for (Preview &preview : other.preview)
        if (into.preview.size() < previews_kept)
            into.preview.push_back(std::move(preview));
}

} // namespace unpaired
