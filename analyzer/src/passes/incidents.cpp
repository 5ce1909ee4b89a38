#include "passes/incidents.h"

#include "passes/blame.h"
#include "words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <xxhash.h>

namespace unpaired {
namespace {

constexpr size_t fewest = 3;              ///< of anything in step: two may be equal by chance
constexpr size_t frames_to_shared = 4;    ///< from the blamed frame outwards
constexpr uint64_t greatest_multiple = 4; ///< of one site's number over another's
constexpr uint32_t coarse_ms = 10;        ///< slots tell the time in steps of a few milliseconds
constexpr uint32_t grace_cycles = 2;      ///< the first and the last
constexpr size_t stray_share = 20;        ///< one cycle in so many may differ

using Cycles = std::map<uint32_t, uint64_t>; // cycle -> how many survivors it left

struct Member {
    Finding *finding = nullptr;
    Cycles by_cycle;
    uint32_t cycles = 0;         ///< in how many it grew
    std::vector<uint32_t> times; ///< of the survivors, ascending
    size_t blamed = 0;           ///< index of the blamed frame
};

bool leaves_something(const Finding &finding)
{
    static constexpr std::array<std::string_view, 4> rules = {"never-released", "release-failed",
                                                              "storage-freed-live", "reinitialised-live"};
    return finding.severity != Severity::note && finding.suppressed_by.empty() && may_be_in_step(finding) &&
           std::find(rules.begin(), rules.end(), finding.rule) != rules.end();
}

Member member_of(Finding &finding, const std::map<std::string, Survivors> &survivors, uint32_t cycles)
{
    Member member;
    member.finding = &finding;
    if (auto at = survivors.find(finding.id); at != survivors.end()) {
        for (const Age &age : at->second.ages) {
            member.by_cycle[age.cycle]++;
            member.times.push_back(age.time_ms);
        }
        member.cycles =
            member.by_cycle.empty() ? at->second.cycles : static_cast<uint32_t>(member.by_cycle.size());
        // Cycles may be counted without it being known when each began. What grows by them all the same has the
        // numbers for it.
        if (finding.per_cycle > 0 && member.by_cycle.size() == 1 && member.by_cycle.begin()->first == 0) {
            member.by_cycle.clear();
            member.cycles = cycles;
        }
    }
    std::sort(member.times.begin(), member.times.end());
    const auto blamed = std::find(finding.stack.begin(), finding.stack.end(), finding.blame);
    if (blamed != finding.stack.end())
        member.blamed = static_cast<size_t>(blamed - finding.stack.begin());
    return member;
}

// ---- in step by cycles

bool covers_all(const Member &member, uint32_t cycles) { return member.cycles + grace_cycles >= cycles; }

bool same_cycles(const Member &a, const Member &b, uint32_t cycles)
{
    if (a.by_cycle.empty() || b.by_cycle.empty())
        return covers_all(a, cycles) && covers_all(b, cycles);
    const uint32_t first = std::min(a.by_cycle.begin()->first, b.by_cycle.begin()->first),
                   last = std::max(a.by_cycle.rbegin()->first, b.by_cycle.rbegin()->first);
    size_t all = 0, different = 0;
    for (const auto *side : {&a, &b})
        for (const auto &[cycle, count] : side->by_cycle) {
            const bool in_other = (side == &a ? b : a).by_cycle.contains(cycle);
            all += side == &a || !in_other;
            different += !in_other && cycle != first && cycle != last;
        }
    return different <= all / stray_share;
}

bool grows_by_cycles(const Finding &finding)
{
    return finding.per_cycle > 0 && (finding.growth == Growth::linear || finding.growth == Growth::step);
}

/// How many of a member a cycle leaves: what most of its cycles left, or the mean if they differ.
double left_by_a_cycle(const Member &member, uint32_t cycles)
{
    std::map<uint64_t, size_t> by_count;
    for (const auto &[cycle, count] : member.by_cycle)
        by_count[count]++;
    const auto most = std::max_element(by_count.begin(), by_count.end(),
                                       [](const auto &a, const auto &b) { return a.second < b.second; });
    if (most != by_count.end() && most->second * 5 >= member.by_cycle.size() * 4)
        return static_cast<double>(most->first);
    if (member.by_cycle.empty() && !member.times.empty())
        return member.finding->per_cycle;
    return static_cast<double>(member.finding->count) / std::max(cycles, 1U);
}

// ---- in step without cycles

/// The frames that do not belong to a stack's root: without main, or what a thread runs.
size_t below_root(const Stack &stack)
{
    size_t end = stack.size();
    while (end > 0 && is_runtime_frame(stack[end - 1]))
        end--;
    for (size_t i = 0; i < end; i++)
        if (stack[i].function == "main")
            return i;
    return end == 0 ? 0 : end - 1;
}

bool same_callers(const Stack &a, size_t i, const Stack &b, size_t j)
{
    return a.size() - i == b.size() - j &&
           std::equal(a.begin() + static_cast<ptrdiff_t>(i), a.end(), b.begin() + static_cast<ptrdiff_t>(j),
                      [](const Frame &x, const Frame &y) {
                          return x.function == y.function && x.address == y.address;
                      });
}

/// Index in `a`'s stack of the innermost function, below main, that called both, from the same place.
std::optional<size_t> shared_caller(const Member &a, const Member &b)
{
    const Stack &x = a.finding->stack, &y = b.finding->stack;
    for (size_t i = a.blamed; i < std::min(a.blamed + frames_to_shared, below_root(x)); i++)
        for (size_t j = b.blamed; j < std::min(b.blamed + frames_to_shared, below_root(y)); j++)
            if (!x[i].function.empty() && x[i].function == y[j].function && same_callers(x, i + 1, y, j + 1))
                return i;
    return std::nullopt;
}

/// Whether `more` has a small multiple of `fewer`, acquired along with them.
bool run_together(const std::vector<uint32_t> &fewer, const std::vector<uint32_t> &more)
{
    if (fewer.empty() || more.size() % fewer.size() != 0 || more.size() / fewer.size() > greatest_multiple)
        return false;
    const size_t multiple = more.size() / fewer.size();
    const uint64_t apart = (fewer.back() - fewer.front()) / fewer.size();
    const uint64_t tolerance = std::max<uint64_t>(coarse_ms, apart / 2);
    size_t together = 0;
    for (size_t i = 0; i < fewer.size(); i++) {
        const uint32_t a = fewer[i], b = more[i * multiple];
        together += (a > b ? a - b : b - a) <= tolerance;
    }
    return together * 10 >= fewer.size() * 9;
}

bool same_numbers(const Member &a, const Member &b)
{
    return a.times.size() == a.finding->count && b.times.size() == b.finding->count &&
           (a.times.size() <= b.times.size() ? run_together(a.times, b.times)
                                             : run_together(b.times, a.times));
}

// ---- telling it

std::string about(double number)
{
    const double whole = std::round(number);
    return std::abs(number - whole) < 0.02 * std::max(whole, 1.0) ? fmt::format("{:.0f}", whole)
                                                                  : fmt::format("about {:.1f}", number);
}

/// "3", "about 3"
std::string whole_number(double number)
{
    const double whole = std::round(number);
    return fmt::format("{}{:.0f}", std::abs(number - whole) < 0.02 * whole ? "" : "about ", whole);
}

/// "1 lwIP socket", "2 heap blocks (40 B)", "1 stdio stream in one of about 3", each family once, those without a size
/// first and what is not left each time last. `share` tells how many of a member belong to one time.
template <typename Share> std::vector<std::string> parts_of(const std::vector<Member> &members, Share share)
{
    struct Sum {
        std::string family;
        double count = 0, bytes = 0;
    };
    std::vector<Sum> sums;
    for (const Member &member : members) {
        const Finding &f = *member.finding;
        auto sum = std::find_if(sums.begin(), sums.end(), [&](const Sum &s) { return s.family == f.family; });
        if (sum == sums.end())
            sum = sums.insert(sums.end(), Sum{f.family});
        const double count = share(member);
        sum->count += count;
        sum->bytes += count * static_cast<double>(f.bytes) / static_cast<double>(f.count);
    }
    const auto rare = [](const Sum &sum) { return sum.count > 0 && sum.count < 0.9; };
    std::stable_sort(sums.begin(), sums.end(), [&](const Sum &a, const Sum &b) {
        return std::pair(rare(a), a.bytes > 0) < std::pair(rare(b), b.bytes > 0);
    });
    std::vector<std::string> parts;
    for (Sum &sum : sums) {
        const double apart = rare(sum) ? 1 / sum.count : 1;
        sum.count *= apart;
        sum.bytes *= apart;
        std::string part = fmt::format("{} {}", about(sum.count),
                                       family_noun(sum.family, std::abs(sum.count - 1) < 0.02 ? 1 : 2));
        if (sum.bytes > 0)
            part += fmt::format(" ({})", bytes_text(static_cast<uint64_t>(std::llround(sum.bytes))));
        if (apart > 1)
            part += fmt::format(" in one of {}", whole_number(apart));
        parts.push_back(std::move(part));
    }
    return parts;
}

std::string owners_of(const std::vector<Member> &members)
{
    std::vector<std::string> owners;
    for (const Member &member : members)
        if (const std::string &owner = member.finding->owner;
            !owner.empty() && std::find(owners.begin(), owners.end(), owner) == owners.end())
            owners.push_back(owner);
    if (owners.empty())
        return "";
    return fmt::format(", {} {}", owners.size() == 1 ? "owner" : "owners", joined_and(owners));
}

void tell_by_cycles(Incident &incident, const std::vector<Member> &members, const TraceInfo &trace)
{
    uint32_t grew = 0;
    for (const Member &member : members)
        grew = std::max(grew, member.cycles);
    incident.cycles = std::min(grew, trace.cycles); // cycle 0 is before the first of them
    const std::vector<std::string> parts =
        parts_of(members, [&](const Member &member) { return left_by_a_cycle(member, incident.cycles); });
    incident.per_cycle = fmt::format("{}", fmt::join(parts, ", "));
    const std::string what = joined_and(parts), owners = owners_of(members);
    if (incident.cycles + grace_cycles >= trace.cycles)
        incident.sentence = fmt::format("each of {} {} leaves {}{}", grouped(incident.cycles),
                                        cycle_noun(trace, incident.cycles), what, owners);
    else
        incident.sentence = fmt::format("{} of {} {} leave {} each{}", grouped(incident.cycles),
                                        grouped(trace.cycles), cycle_noun(trace, trace.cycles), what, owners);
}

void tell_by_numbers(Incident &incident, const std::vector<Member> &members)
{
    size_t times = members.front().times.size(), caller = 0;
    for (size_t i = 1; i < members.size(); i++) {
        times = std::min(times, members[i].times.size());
        caller = std::max(caller, shared_caller(members.front(), members[i]).value_or(0));
    }
    const std::vector<std::string> parts = parts_of(members, [&](const Member &member) {
        return static_cast<double>(member.times.size()) / static_cast<double>(times);
    });
    incident.sentence =
        fmt::format("{} times {} left {}{}", grouped(times), members.front().finding->stack[caller].function,
                    joined_and(parts), owners_of(members));
}

using Members = std::vector<Member>;
using Group = std::vector<size_t>; // indices of members, ascending

/// Limits the search for findings in step, which could take minutes. The findings that it leaves ungrouped are shown
/// too, and the text gives their number.
class Budget {
public:
    bool take()
    {
        if (left_ > 0)
            left_--;
        return left_ > 0;
    }
    bool is_spent() const { return left_ == 0; }

private:
    uint64_t left_ = 20'000'000;
};

/// Groups members that grew in the same cycles. Compares classes only, since same_cycles() treats all members of a
/// class alike. Each member joins the first group in which it is in step with all members.
std::vector<Group> in_step_by_cycles(const Members &members, uint32_t cycles, Budget &budget)
{
    struct Class {
        const Member *example;
        Group members;
        bool grouped = false;
    };
    std::vector<Class> classes; // by their first member
    std::map<std::pair<std::vector<uint32_t>, bool>, size_t> index;
    for (size_t i = 0; i < members.size(); i++) {
        std::vector<uint32_t> grew;
        for (const auto &[cycle, count] : members[i].by_cycle)
            grew.push_back(cycle);
        const bool alone = grew.empty() && !covers_all(members[i], cycles); // in step with nothing
        if (alone)
            continue;
        const auto [at, added] =
            index.try_emplace({std::move(grew), covers_all(members[i], cycles)}, classes.size());
        if (added)
            classes.push_back({&members[i], {}});
        classes[at->second].members.push_back(i);
    }
    std::vector<Group> groups;
    for (size_t first = 0; first < classes.size(); first++) {
        if (classes[first].grouped)
            continue;
        std::vector<Class *> together = {&classes[first]};
        for (size_t next = first + 1; next < classes.size() && !budget.is_spent(); next++)
            if (!classes[next].grouped &&
                std::all_of(together.begin(), together.end(), [&](const Class *one) {
                    return budget.take() && same_cycles(*one->example, *classes[next].example, cycles);
                }))
                together.push_back(&classes[next]);
        Group &group = groups.emplace_back();
        for (Class *one : together) {
            one->grouped = true;
            group.insert(group.end(), one->members.begin(), one->members.end());
        }
        std::sort(group.begin(), group.end());
    }
    return groups;
}

/// Hashes that identify a function on a stack together with all its callers; collisions are practically impossible.
using CallerKey = std::pair<uint64_t, uint64_t>;

/// Returns the callers of a finding that another one may share: see shared_caller().
std::vector<CallerKey> caller_keys(const Member &member)
{
    const Stack &stack = member.finding->stack;
    const size_t end = std::min(member.blamed + frames_to_shared, below_root(stack));
    std::vector<CallerKey> keys;
    std::vector<uint64_t> chain; // addresses and names of the callers, from the root
    const auto add = [&chain](const Frame &frame) {
        chain.push_back(frame.address);
        chain.push_back(reinterpret_cast<uintptr_t>(&frame.function.text())); // one text for equal names
    };
    for (size_t i = stack.size(); i-- > member.blamed;) {
        if (i < end && !stack[i].function.empty()) {
            chain.push_back(reinterpret_cast<uintptr_t>(&stack[i].function.text()));
            const XXH128_hash_t hash = XXH3_128bits(chain.data(), chain.size() * sizeof chain[0]);
            keys.emplace_back(hash.high64, hash.low64);
            chain.pop_back();
        }
        add(stack[i]);
    }
    return keys;
}

/// Groups members with the same numbers below a shared caller. Each member joins the first group in which it is in
/// step with all members.
std::vector<Group> in_step_by_numbers(const Members &members, Budget &budget)
{
    std::map<CallerKey, Group> by_caller;
    std::vector<std::vector<CallerKey>> keys;
    for (size_t i = 0; i < members.size(); i++) {
        keys.push_back(caller_keys(members[i]));
        for (const CallerKey &key : keys.back())
            by_caller[key].push_back(i);
    }
    std::map<std::vector<uint32_t>, size_t> index; // same_numbers() treats members with equal times alike
    std::vector<size_t> class_of;
    for (const Member &member : members)
        class_of.push_back(index.try_emplace(member.times, index.size()).first->second);

    std::vector<Group> groups;
    std::vector<bool> grouped(members.size());
    for (size_t first = 0; first < members.size(); first++) {
        if (grouped[first] || members[first].times.size() != members[first].finding->count)
            continue;
        std::set<size_t> candidates;
        for (const CallerKey &key : keys[first])
            for (auto at = std::upper_bound(by_caller[key].begin(), by_caller[key].end(), first);
                 at != by_caller[key].end() && budget.take(); ++at)
                if (!grouped[*at])
                    candidates.insert(*at);
        Group &group = groups.emplace_back(Group{first});
        grouped[first] = true;
        std::set<CallerKey> shared_by_all(keys[first].begin(), keys[first].end());
        std::map<size_t, size_t> classes = {{class_of[first], first}}; // each with one example
        for (const size_t next : candidates) {
            const bool same = std::all_of(classes.begin(), classes.end(), [&](const auto &one) {
                return budget.take() && same_numbers(members[one.second], members[next]);
            });
            if (!same)
                continue;
            std::set<CallerKey> shared;
            for (const CallerKey &key : keys[next])
                if (shared_by_all.contains(key))
                    shared.insert(key);
            if (shared.empty() && !std::all_of(group.begin(), group.end(), [&](size_t one) {
                    return budget.take() && shared_caller(members[one], members[next]).has_value();
                }))
                continue;
            shared_by_all = std::move(shared);
            classes.try_emplace(class_of[next], next);
            group.push_back(next);
            grouped[next] = true;
        }
    }
    return groups;
}

} // namespace

bool may_be_in_step(const Finding &finding) { return finding.count >= fewest; }

std::vector<Incident> find_incidents(ImageReport &image, const std::map<std::string, Survivors> &survivors)
{
    const bool by_cycles = image.trace.cycles >= fewest;
    Members all;
    for (Finding &finding : image.findings)
        if (leaves_something(finding) && (!by_cycles || grows_by_cycles(finding)))
            all.push_back(member_of(finding, survivors, image.trace.cycles));
    Budget budget;
    const std::vector<Group> groups =
        by_cycles ? in_step_by_cycles(all, image.trace.cycles, budget) : in_step_by_numbers(all, budget);
    if (budget.is_spent())
        image.remarks.push_back(fmt::format(
            "{} findings are too many to compare each with each: some that grow in step may not be "
            "joined into one incident",
            grouped(all.size())));

    std::vector<Incident> incidents;
    for (const Group &group : groups) {
        if (group.size() < 2)
            continue;
        Members members;
        for (const size_t i : group)
            members.push_back(std::move(all[i]));
        Incident &incident = incidents.emplace_back();
        incident.id = static_cast<int>(incidents.size());
        for (const Member &member : members) {
            member.finding->incident = incident.id;
            incident.findings.push_back(member.finding->id);
        }
        if (by_cycles)
            tell_by_cycles(incident, members, image.trace);
        else
            tell_by_numbers(incident, members);
    }
    return incidents;
}

} // namespace unpaired
