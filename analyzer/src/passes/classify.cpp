#include "passes/classify.h"

#include "input/site_stacks.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>
#include <unordered_map>

namespace unpaired {
namespace {

class Classifier {
public:
    Classifier(const Trace &trace, const PairedImage &image, bool ended_normally)
        : trace_(trace), image_(image), ended_normally_(ended_normally)
    {
        for (const Anomaly *anomaly : image.records.anomalies)
            if (anomaly->count > 0)
                (anomaly->acquire_site != 0 && trace.sites.contains(anomaly->acquire_site)
                     ? by_site_[anomaly->acquire_site]
                     : siteless_)
                    .push_back(anomaly);
        if (auto at = trace.images.find(image.image); at != trace.images.end())
            pid_ = at->second.pid;
    }

    std::vector<Case> classify()
    {
        for (const SiteTally &tally : image_.sites)
            classify_site(tally);
        // Inherited or dropped acquisitions: their anomalies name sites that have no tally in this image.
        for (const auto &[site, anomalies] : by_site_)
            if (find_tally(site) == nullptr)
                classify_site(SiteTally{.site = site, .live = {}, .parts = {}});
        classify_siteless();
        return std::move(cases_);
    }

private:
    using Anomalies = std::vector<const Anomaly *>;

    const SiteTally *find_tally(uint32_t site) const
    {
        auto at = std::lower_bound(image_.sites.begin(), image_.sites.end(), site,
                                   [](const SiteTally &tally, uint32_t id) { return tally.site < id; });
        return at != image_.sites.end() && at->site == site ? &*at : nullptr;
    }

    Anomalies anomalies_at(uint32_t site, uint8_t kind) const
    {
        Anomalies result;
        if (auto at = by_site_.find(site); at != by_site_.end())
            for (const Anomaly *anomaly : at->second)
                if (anomaly->kind == kind)
                    result.push_back(anomaly);
        std::stable_sort(result.begin(), result.end(),
                         [](const Anomaly *a, const Anomaly *b) { return a->count > b->count; });
        return result;
    }

    static uint64_t total(const Anomalies &anomalies)
    {
        uint64_t sum = 0;
        for (const Anomaly *anomaly : anomalies)
            sum += anomaly->count;
        return sum;
    }

    uint8_t kind_of(uint16_t space) const
    {
        auto at = trace_.dictionary.spaces.find(space);
        return at == trace_.dictionary.spaces.end() ? uint8_t{UNPAIRED_KIND_NUMBERED} : at->second.kind;
    }

    std::string name_of_function(uint16_t id) const
    {
        auto at = trace_.dictionary.functions.find(id);
        return at == trace_.dictionary.functions.end() ? fmt::format("function {}", id) : at->second.name;
    }

    uint16_t space_of(const Site &site) const
    {
        if (auto at = trace_.dictionary.families.find(site.family); at != trace_.dictionary.families.end())
            return at->second.space;
        return 0;
    }

    Case begin(std::string rule, const SiteTally &tally) const
    {
        const Site &site = trace_.sites.at(tally.site);
        Case result;
        result.rule = std::move(rule);
        result.site = tally.site;
        result.function = site.function;
        result.family = site.family;
        result.space = space_of(site);
        result.acquired = tally.acquired;
        result.released = tally.released + tally.released_unseen;
        const std::vector<uint64_t> innermost = addresses_of(trace_, site, 1);
        result.lowest_address = innermost.empty() ? 0 : innermost.front();
        return result;
    }

    void add_survivors(Case &to, const std::vector<uint32_t> &slots) const
    {
        std::map<uint16_t, PartTally> parts;
        for (uint32_t index : slots) {
            const Slot &slot = trace_.slots[index];
            to.count++;
            to.bytes += slot.size;
            to.each = index == slots.front() || slot.size == to.each ? slot.size : 0;
            to.ages.push_back({slot.cycle, slot.time_ms});
            to.slots.push_back(index);
            to.highest_handle = std::max(to.highest_handle, slot.handle);
            auto part = std::lower_bound(image_.parts.begin(), image_.parts.end(), index,
                                         [](const PartOf &p, uint32_t whole) { return p.whole < whole; });
            for (; part != image_.parts.end() && part->whole == index; ++part) {
                const Slot &inner = trace_.slots[part->part];
                uint16_t family = trace_.sites.at(inner.site).family;
                PartTally &tally = parts[family];
                tally.family = family;
                tally.count++;
                tally.bytes += inner.size;
            }
        }
        for (const auto &[family, tally] : parts)
            to.parts.push_back(tally);
    }

    static ReleaseFacts release_of(const Anomaly &anomaly, uint64_t count)
    {
        return {anomaly.function, anomaly.release_site,   anomaly.result, anomaly.error, count,
                anomaly.observed, anomaly.observed_result};
    }

    /// The release that an anomaly's `first_release_site` names.
    ReleaseFacts first_release_of(const Anomaly &anomaly) const
    {
        ReleaseFacts facts;
        if (auto at = trace_.sites.find(anomaly.first_release_site); at != trace_.sites.end()) {
            facts.function = at->second.function;
            facts.site = at->first;
            facts.count = anomaly.count;
        }
        return facts;
    }

    static void count_cycles(Case &to, const Anomalies &anomalies)
    {
        for (const Anomaly *anomaly : anomalies)
            to.cycles = std::max(to.cycles, anomaly->cycles);
    }

    void classify_site(const SiteTally &tally)
    {
        // Slots whose fault is told, so that one fault makes one case.
        std::vector<uint32_t> left = tally.live;
        const Site &site = trace_.sites.at(tally.site);
        if (kind_of(space_of(site)) == UNPAIRED_KIND_HELD) {
            still_held(tally, left);
            left.clear();
        }
        lost_objects(tally, left);
        failed_releases(tally, left);
        never_released(tally, left);
        each_by_release(tally, UNPAIRED_ANOMALY_DOUBLE_RELEASE, "double-release");
        each_by_release(tally, UNPAIRED_ANOMALY_MISMATCHED_RELEASE, "mismatched-release");
        each_by_release(tally, UNPAIRED_ANOMALY_FOREIGN_RELEASE, "foreign-release");
        each_by_release(tally, UNPAIRED_ANOMALY_TAG_OVERWRITTEN, "tag-overwritten");
        each_by_release(tally, UNPAIRED_ANOMALY_RELEASED_WITH_ERROR, "released-with-error");
        each_by_release(tally, UNPAIRED_ANOMALY_RELEASE_UNKNOWN, "release-unknown");
        each_by_release(tally, UNPAIRED_ANOMALY_EXEC_INHERITED, "exec-inherited");
        each_by_release(tally, UNPAIRED_ANOMALY_LIMIT_REACHED, "limit-reached");
    }

    void never_released(const SiteTally &tally, std::vector<uint32_t> &left)
    {
        const bool descriptors = is_descriptor_site(tally.site);
        const auto standard = std::stable_partition(left.begin(), left.end(), [&](uint32_t index) {
            return descriptors ? trace_.slots[index].handle <= 2 : image_.library_buffers.contains(index);
        });
        for (bool of_standard : {true, false}) {
            std::vector<uint32_t> slots = of_standard ? std::vector<uint32_t>(left.begin(), standard)
                                                      : std::vector<uint32_t>(standard, left.end());
            if (slots.empty())
                continue;
            Case never = begin("never-released", tally);
            add_survivors(never, slots);
            never.standard_streams = of_standard;
            if (of_standard)
                never.remarks.push_back(
                    descriptors ? "a standard stream (descriptor 0 to 2), open to the end in every program"
                                : "the buffer of a standard stream, which the C library keeps to the end");
            cases_.push_back(std::move(never));
        }
    }

    bool is_descriptor_site(uint32_t site) const
    {
        auto space = trace_.dictionary.spaces.find(space_of(trace_.sites.at(site)));
        return space != trace_.dictionary.spaces.end() && space->second.name == "fd";
    }

    /// Objects whose storage was freed or initialised again while they lived. Both are one fault: which of the
    /// two befell an object is up to the allocator.
    void lost_objects(const SiteTally &tally, std::vector<uint32_t> &left)
    {
        Anomalies freed = anomalies_at(tally.site, UNPAIRED_ANOMALY_STORAGE_FREED_LIVE);
        Anomalies again = anomalies_at(tally.site, UNPAIRED_ANOMALY_REINITIALISED_LIVE);
        if (freed.empty() && again.empty())
            return;
        bool mostly_freed = total(freed) >= total(again);
        const Anomalies &most = mostly_freed ? freed : again;
        Case lost = begin(mostly_freed ? "storage-freed-live" : "reinitialised-live", tally);
        lost.count = total(freed) + total(again);
        for (const Anomalies *kind : {&freed, &again})
            for (const Anomaly *anomaly : *kind)
                lost.bytes += anomaly->bytes;
        lost.ended = release_of(*most.front(), most.front()->count);
        count_cycles(lost, freed);
        count_cycles(lost, again);
        if (!freed.empty() && !again.empty())
            lost.remarks.push_back(
                fmt::format("{} lost by freeing the memory around them, {} by initialising them again",
                            total(freed), total(again)));
        if (!left.empty()) {
            lost.remarks.push_back(fmt::format("{} more from here are still live", left.size()));
            left.clear();
        }
        cases_.push_back(std::move(lost));
    }

    void failed_releases(const SiteTally &tally, std::vector<uint32_t> &left)
    {
        Anomalies anomalies = anomalies_at(tally.site, UNPAIRED_ANOMALY_RELEASE_FAILED);
        if (anomalies.empty())
            return;
        auto tried = std::stable_partition(
            left.begin(), left.end(), [&](uint32_t index) { return trace_.slots[index].release_site == 0; });
        std::vector<uint32_t> failed(tried, left.end());
        left.erase(tried, left.end());
        if (failed.empty())
            return; // every one was released in the end: a retry, not a leak
        Case result = begin("release-failed", tally);
        add_survivors(result, failed);
        result.failed = release_of(*anomalies.front(), total(anomalies));
        count_cycles(result, anomalies);
        tell_what_came_before(result, failed);
        // A few that nobody had tried to release yet are no second fault; many are.
        if (!left.empty() && left.size() <= failed.size()) {
            result.remarks.push_back(fmt::format("no release was tried of {} more from here", left.size()));
            left.clear();
        }
        cases_.push_back(std::move(result));
    }

    /// What was done to each of them before its release failed. An anomaly stands for many releases and tells it of
    /// the first alone; the slots tell it of every one that is left.
    void tell_what_came_before(Case &result, const std::vector<uint32_t> &failed) const
    {
        std::map<std::pair<uint16_t, int32_t>, size_t> before;
        for (uint32_t index : failed)
            before[{trace_.slots[index].observed, trace_.slots[index].observed_result}]++;
        const auto most = std::max_element(before.begin(), before.end(), [](const auto &a, const auto &b) {
            return std::pair(a.first.first != 0, a.second) < std::pair(b.first.first != 0, b.second);
        });
        const auto &[observed, count] = *most;
        if (observed.first == 0)
            return; // a capture that tells no more than the anomaly
        result.failed.observed = result.failed.observed_result = 0;
        if (count == failed.size()) {
            result.failed.observed = observed.first;
            result.failed.observed_result = observed.second;
        } else {
            result.remarks.push_back(fmt::format("{} had returned {} for {} of them only",
                                                 name_of_function(observed.first), observed.second, count));
        }
    }

    /// Locks: held by a thread that ended, or by the main thread at a normal exit. What a living thread holds
    /// while another one exits is its business.
    void still_held(const SiteTally &tally, const std::vector<uint32_t> &live)
    {
        std::vector<uint32_t> by_ended, by_main;
        for (uint32_t index : live) {
            auto thread = trace_.threads.find(trace_.slots[index].thread);
            if (thread == trace_.threads.end())
                continue;
            bool is_main = pid_ != 0 && thread->second.tid == pid_;
            if (thread->second.ended && !is_main)
                by_ended.push_back(index);
            else if (is_main && ended_normally_)
                by_main.push_back(index);
        }
        if (by_ended.empty() && by_main.empty())
            return;
        Case held = begin("held-at-exit", tally);
        std::vector<uint32_t> all = by_ended;
        all.insert(all.end(), by_main.begin(), by_main.end());
        add_survivors(held, all);
        if (!by_ended.empty())
            held.remarks.push_back(fmt::format("{} held by a thread that ended ({})", by_ended.size(),
                                               thread_name(trace_.slots[by_ended.front()].thread)));
        if (!by_main.empty())
            held.remarks.push_back(fmt::format("{} held by the main thread at exit", by_main.size()));
        if (Anomalies failed = anomalies_at(tally.site, UNPAIRED_ANOMALY_RELEASE_FAILED); !failed.empty())
            held.failed = release_of(*failed.front(), total(failed));
        cases_.push_back(std::move(held));
    }

    std::string thread_name(uint32_t id) const
    {
        auto at = trace_.threads.find(id);
        if (at == trace_.threads.end() || at->second.name.empty())
            return fmt::format("thread {}", id);
        return at->second.name;
    }

    /// One case for each releasing call that did `kind` to what this site acquired.
    void each_by_release(const SiteTally &tally, uint8_t kind, const char *rule)
    {
        std::map<std::pair<uint16_t, uint32_t>, Anomalies> releases;
        for (const Anomaly *anomaly : anomalies_at(tally.site, kind))
            releases[{anomaly->function, anomaly->release_site}].push_back(anomaly);
        for (const auto &[release, anomalies] : releases) {
            Case result = begin(rule, tally);
            fill_release(result, kind, anomalies);
            cases_.push_back(std::move(result));
        }
    }

    void fill_release(Case &result, uint8_t kind, const Anomalies &anomalies) const
    {
        const Anomaly &most = *anomalies.front();
        result.count = total(anomalies);
        for (const Anomaly *anomaly : anomalies)
            result.bytes += anomaly->bytes;
        count_cycles(result, anomalies);
        switch (kind) {
        case UNPAIRED_ANOMALY_DOUBLE_RELEASE:
            result.failed = release_of(most, result.count);
            result.ended = first_release_of(most);
            break;
        case UNPAIRED_ANOMALY_RELEASED_WITH_ERROR:
        case UNPAIRED_ANOMALY_RELEASE_UNKNOWN:
            result.failed = release_of(most, result.count);
            break;
        case UNPAIRED_ANOMALY_EXEC_INHERITED:
        case UNPAIRED_ANOMALY_LIMIT_REACHED:
            break;
        default:
            result.ended = release_of(most, result.count);
        }
        if (result.space == 0)
            result.space = most.space;
    }

    /// Anomalies of what was never seen acquired, or whose slot was reused: told at the release.
    void classify_siteless()
    {
        std::map<std::tuple<uint8_t, uint16_t, uint32_t>, Anomalies> groups;
        for (const Anomaly *anomaly : siteless_)
            groups[{anomaly->kind, anomaly->function, anomaly->release_site}].push_back(anomaly);
        for (auto &[key, anomalies] : groups) {
            std::stable_sort(anomalies.begin(), anomalies.end(),
                             [](const Anomaly *a, const Anomaly *b) { return a->count > b->count; });
            const uint8_t kind = std::get<0>(key);
            const char *rule = rule_without_site(kind);
            if (rule == nullptr)
                continue;
            Case result;
            result.rule = rule;
            result.function = anomalies.front()->function;
            result.space = anomalies.front()->space;
            fill_release(result, kind, anomalies);
            if (auto at = trace_.sites.find(anomalies.front()->release_site); at != trace_.sites.end()) {
                result.site = at->first;
                result.lowest_address = at->second.stack.empty() ? 0 : at->second.stack.front();
            }
            cases_.push_back(std::move(result));
        }
    }

    static const char *rule_without_site(uint8_t kind)
    {
        switch (kind) {
        case UNPAIRED_ANOMALY_RELEASED_WITH_ERROR:
            return "released-with-error";
        case UNPAIRED_ANOMALY_DOUBLE_RELEASE:
            return "double-release";
        case UNPAIRED_ANOMALY_MISMATCHED_RELEASE:
            return "mismatched-release";
        // the failed release of something never acquired is no leak that could be named
        case UNPAIRED_ANOMALY_RELEASE_FAILED:
        case UNPAIRED_ANOMALY_RELEASE_UNKNOWN:
            return "release-unknown";
        case UNPAIRED_ANOMALY_TAG_OVERWRITTEN:
            return "tag-overwritten";
        case UNPAIRED_ANOMALY_LIMIT_REACHED:
            return "limit-reached";
        case UNPAIRED_ANOMALY_EXEC_INHERITED:
            return "exec-inherited";
        case UNPAIRED_ANOMALY_STORAGE_FREED_LIVE:
            return "storage-freed-live";
        case UNPAIRED_ANOMALY_REINITIALISED_LIVE:
            return "reinitialised-live";
        case UNPAIRED_ANOMALY_FOREIGN_RELEASE:
            return "foreign-release";
        default:
            return nullptr; // of a later version
        }
    }

    const Trace &trace_;
    const PairedImage &image_;
    const bool ended_normally_;
    uint32_t pid_ = 0;
    std::map<uint32_t, Anomalies> by_site_;
    Anomalies siteless_;
    std::vector<Case> cases_;
};

} // namespace

std::vector<Case> classify(const Trace &trace, const PairedImage &image, bool ended_normally)
{
    return Classifier(trace, image, ended_normally).classify();
}

} // namespace unpaired
