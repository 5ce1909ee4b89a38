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

/// Returns true if the block is possibly lost only because it is reserved address space.
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

} // namespace

Holders::Holders(const Trace &trace, Stacks &stacks, const Wrappers &wrappers,
                 const std::vector<OwnerRule> &rules, const std::string &program)
    : trace_(trace), stacks_(stacks), wrappers_(wrappers), rules_(rules), program_(program)
{
    if (!trace.held.empty())
        for (const auto &[id, thread] : trace.threads)
            if (!thread.name.empty())
                thread_names_.try_emplace({thread.image, thread.tid}, thread.name);
}

/// "a heap block of MQTT (malloc in session_new, session.c:10)"
std::string Holders::block_text(uint32_t slot)
{
    auto at = trace_.sites.find(trace_.slots[slot].site);
    if (at == trace_.sites.end())
        return "another block";
    const Site &site = at->second;
    const Stack stack = stacks_.of(site);
    const std::string function = function_name(trace_, site.function), owner = owner_of(site, stack, rules_);
    const Frame blame = choose_blame(function, stack, wrappers_, program_, of_firmware(trace_)).frame;
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

std::string Holders::thread_text(uint16_t image, uint32_t tid) const
{
    const auto named = thread_names_.find({image, tid});
    return named == thread_names_.end() ? fmt::format("thread {}", tid)
                                        : fmt::format("thread {} ({})", tid, named->second);
}

/// What holds a block, if that is no recorded block; "" for nothing.
std::string Holders::root_text(const Held &held, uint16_t image) const
{
    if (!held.by.empty())
        return held.by;
    switch (held.holder) {
    case UNPAIRED_HOLDER_DATA:
        if (std::string name = stacks_.variable_at(image, held.at); !name.empty())
            return name;
        return fmt::format("memory of no recorded block ({:#x})", held.at);
    case UNPAIRED_HOLDER_STACK:
        return "the stack of " + thread_text(image, held.tid);
    case UNPAIRED_HOLDER_TLS:
        return "thread-local storage of " + thread_text(image, held.tid);
    case UNPAIRED_HOLDER_STALE:
        return fmt::format("memory that may be out of use ({:#x})", held.at);
    case UNPAIRED_HOLDER_REGISTER:
        return "a register of " + thread_text(image, held.tid);
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
std::string Holders::end_of_chain(const Held &first, uint16_t image) const
{
    const Held *held = &first;
    for (int i = 0; i < longest_chain && held->by_slot != Held::no_slot; i++)
        held = &trace_.held[held->by_slot];
    return root_text(*held, image);
}

/// Returns the functions that only pass blocks on to the releasing `function`, from all sites that call it in the
/// same innermost function as `stack`.
const Wrappers &Holders::releasing_wrappers(const Site &release, const std::string &function,
                                            const Stack &stack)
{
    constexpr size_t addresses_for_wrappers = 4;
    const auto [sites, first] = releases_.try_emplace(release.function);
    if (first)
        for (const auto &[id, site] : trace_.sites)
            if (site.function == release.function)
                if (const Stack frames = stacks_.of(site, addresses_for_wrappers); !frames.empty())
                    sites->second[frames.front().function].push_back(&site);
    const std::string innermost = stack.empty() ? "" : stack.front().function.text();
    const auto [known, added] = releasing_wrappers_.try_emplace({release.function, innermost});
    if (!added)
        return known->second;
    if (!stack.empty())
        for (const Site *site : sites->second[innermost])
            known->second.learn(function, true, stacks_.of(*site, addresses_for_wrappers));
    known->second.conclude();
    return known->second;
}

/// Of the lost blocks of `slots` that a freed block pointed to last, those whose block was freed where most were.
Rare<LastHolder> Holders::last_holder_of(const std::vector<uint32_t> &slots)
{
    std::map<std::pair<uint32_t, uint64_t>, uint64_t> counts; // by site of the release, and size
    for (uint32_t slot : slots)
        if (const Held &held = trace_.held[slot];
            held.freed_site != 0 && trace_.sites.contains(held.freed_site))
            counts[{held.freed_site, held.freed_size}]++;
    if (counts.empty())
        return {};
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](const auto &a, const auto &b) { return a.second < b.second; });
    const Site &site = trace_.sites.at(most->first.first);
    LastHolder last;
    last.count = most->second;
    last.size = most->first.second;
    last.function = function_name(trace_, site.function);
    last.stack = stacks_.of(site);
    last.at = choose_blame(last.function, last.stack, releasing_wrappers(site, last.function, last.stack),
                           program_, of_firmware(trace_))
                  .frame;
    return last;
}

void Holders::tell(Finding &finding, const std::vector<uint32_t> &slots)
{
    std::vector<uint32_t> looked_at;
    for (uint32_t slot : slots) {
        if (slot >= trace_.held.size() || trace_.held[slot].state == Reachability::unknown)
            continue;
        looked_at.push_back(slot);
        Part &part = part_of(finding.reached, trace_.held[slot]);
        part.count++;
        part.bytes += trace_.slots[slot].size;
    }
    if (looked_at.empty())
        return;
    std::stable_sort(looked_at.begin(), looked_at.end(),
                     [&](uint32_t a, uint32_t b) { return rank(trace_.held[a]) > rank(trace_.held[b]); });
    finding.reachability = name_of(trace_.held[looked_at.front()].state);
    for (uint32_t slot : looked_at)
        if (finding.preview.size() < previews_kept && says_something(trace_.held[slot].beginning))
            finding.preview.push_back({trace_.slots[slot].handle, trace_.held[slot].beginning});

    if (const auto n = std::count_if(looked_at.begin(), looked_at.end(),
                                     [&](uint32_t slot) { return is_reservation(trace_, slot); });
        n > 0)
        finding.remarks.push_back(fmt::format(
            "{} address space that was only reserved (PROT_NONE): addresses there are often computed, so "
            "that nothing points to it does not say it is lost",
            static_cast<size_t>(n) == finding.count ? "this is" : fmt::format("{} of them are", n)));
    finding.last_holder = last_holder_of(looked_at);

    const auto with_holder = std::find_if(looked_at.begin(), looked_at.end(), [&](uint32_t slot) {
        const Held &held = trace_.held[slot];
        return held.by_slot != Held::no_slot || !held.by.empty() ||
               (held.holder != UNPAIRED_HOLDER_NONE && held.holder != UNPAIRED_HOLDER_FREED);
    });
    if (with_holder == looked_at.end())
        return;
    const Held &held = trace_.held[*with_holder];
    const uint16_t image = trace_.slots[*with_holder].image;
    const char *how = held.interior ? "pointed into by" : "held by";
    if (held.by_slot == Held::no_slot) {
        finding.held_by = fmt::format("{} {}", how, root_text(held, image));
        return;
    }
    finding.held_by = fmt::format("{} {}", how, block_text(held.by_slot));
    if (const std::string root = end_of_chain(held, image); !root.empty())
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
