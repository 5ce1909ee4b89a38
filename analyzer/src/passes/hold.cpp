#include "passes/hold.h"

#include "passes/names.h"
#include "words.h"

#include <algorithm>
#include <fmt/format.h>
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
    std::string place = function_text(function);
    if (!blame.function.empty())
        place += fmt::format(" in {}", blame.function);
    if (!blame.file.empty())
        place += fmt::format(", {}:{}", blame.file.substr(blame.file.rfind('/') + 1), blame.line);
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
    case UNPAIRED_HOLDER_STALE:
        return fmt::format("memory that may be out of use ({:#x})", held.at);
    case UNPAIRED_HOLDER_REGISTER:
        return "a register of " + thread_text(trace, image, held.tid);
    case UNPAIRED_HOLDER_BLOCK:
        return fmt::format("a block that was not recorded ({:#x})", held.at);
    default:
        return "";
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

    const auto with_holder = std::find_if(looked_at.begin(), looked_at.end(), [&](uint32_t slot) {
        const Held &held = trace.held[slot];
        return held.by_slot != Held::no_slot || !held.by.empty() || held.holder != UNPAIRED_HOLDER_NONE;
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
    if (into.held_by.empty())
        into.held_by = std::move(other.held_by);
    for (Preview &preview : other.preview)
        if (into.preview.size() < previews_kept)
            into.preview.push_back(std::move(preview));
}

} // namespace unpaired
