#include "passes/group.h"

#include "passes/hold.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <xxhash.h>

namespace unpaired {
namespace {

std::string file_name(const std::string &path) { return path.substr(path.rfind('/') + 1); }

/// What is outside main, or outside a thread's start function, differs between versions of the C library.
size_t outermost(const Stack &stack)
{
    static const Name main = "main";
    static const std::array<Name, 3> starts = {"start_thread", "__libc_start_call_main", "__libc_start_main"};
    for (size_t i = 0; i < stack.size(); i++) {
        if (stack[i].function == main && !stack[i].inlined)
            return i + 1;
        if (i > 0 && std::find(starts.begin(), starts.end(), stack[i].function) != starts.end())
            return i;
    }
    return stack.size();
}

/// The part of a stack that is equal across runs, machines and rebuilds. What the C runtime's functions are
/// called depends on its version and on whether its debug symbols are there.
std::string lasting_names(const Stack &stack)
{
    std::string result;
    const size_t end = outermost(stack);
    for (size_t i = 0; i < end; i++) {
        if (is_runtime_frame(stack[i]))
            continue;
        if (stack[i].function.empty())
            result += "?" + file_name(stack[i].module);
        else
            result += stack[i].function.text();
        result += '\n';
    }
    return result;
}

std::string address_text(const Frame &frame) { return fmt::format("{}@{:x}", frame.module, frame.address); }

std::string place(const Frame &frame)
{
    if (!frame.file.empty() && frame.line > 0)
        return fmt::format("{}:{}", frame.file, frame.line);
    return address_text(frame);
}

/// What Finding::id is a hash of, but for the ordinal.
std::string text_of_id(const Finding &finding)
{
    return finding.rule + '\n' + finding.family + '\n' + finding.function + '\n' +
           lasting_names(finding.stack);
}

void add_remarks(std::vector<std::string> &to, const std::vector<std::string> &more)
{
    for (const std::string &remark : more)
        if (std::find(to.begin(), to.end(), remark) == to.end())
            to.push_back(remark);
}

void merge_failed(FailedRelease &into, const FailedRelease &other)
{
    into.count += other.count;
    if (into.preceded_by != other.preceded_by || into.preceded_by_result != other.preceded_by_result) {
        into.preceded_by.clear(); // it is said of each of them, or not at all
        into.preceded_by_result = 0;
    }
}

/// Where the stacks of two equal acquisitions have different lines, from the acquirer to main.
std::vector<size_t> differing_lines(const Stack &a, const Stack &b)
{
    std::vector<size_t> indices;
    const size_t end = std::min(outermost(a), outermost(b));
    for (size_t i = 0; i < end; i++)
        if (place(a[i]) != place(b[i]))
            indices.push_back(i);
    return indices;
}

/// Notes from which lines of a function the merged acquisitions came, as long as they differ in nothing else.
void merge_callers(Described &into, const Described &other)
{
    Finding &finding = into.finding;
    const Stack &stack = other.finding.stack;
    const std::vector<size_t> differing = differing_lines(finding.stack, stack);
    if (differing.empty() || into.callers_vary)
        return;
    const size_t index = differing.front();
    const Frame &first = finding.stack[index], &caller = stack[index];
    if (differing.size() > 1 || (into.caller && *into.caller != index) || first.file.empty() ||
        first.file != caller.file) {
        into.callers_vary = true;
        finding.callers.clear();
        return;
    }
    into.caller = index;
    if (finding.callers.empty())
        finding.callers.push_back(first);
    const auto at =
        std::lower_bound(finding.callers.begin(), finding.callers.end(), caller,
                         [](const Frame &frame, const Frame &line) { return frame.line < line.line; });
    if (at == finding.callers.end() || at->line != caller.line)
        finding.callers.insert(at, caller);
}

void merge(Described &into, Described &&other)
{
    Finding &a = into.finding, &b = other.finding;
    // the bigger one's release stands for both
    if (b.count > a.count) {
        std::swap(a.failed_release, b.failed_release);
        std::swap(a.ended_by, b.ended_by);
    }
    merge_callers(into, other);
    if (a.each != b.each)
        a.each = 0;
    a.count += b.count;
    a.bytes += b.bytes;
    if (std::none_of(other.sites.begin(), other.sites.end(),
                     [&](uint32_t site) { return into.sites.contains(site); })) {
        a.acquired += b.acquired;
        a.released += b.released;
    }
    into.sites.insert(other.sites.begin(), other.sites.end());
    for (const auto &[family, part] : b.parts) {
        a.parts[family].count += part.count;
        a.parts[family].bytes += part.bytes;
    }
    if (!a.failed_release)
        a.failed_release = b.failed_release;
    else if (b.failed_release)
        merge_failed(*a.failed_release, *b.failed_release);
    if (!a.ended_by)
        a.ended_by = b.ended_by;
    add_remarks(a.remarks, b.remarks);
    merge_held(a, std::move(b));
    into.ages.insert(into.ages.end(), other.ages.begin(), other.ages.end());
    into.cycles = std::max(into.cycles, other.cycles);
    into.highest_handle = std::max(into.highest_handle, other.highest_handle);
    into.address = std::min(into.address, other.address);
}

/// Findings of one acquisition are told apart by who released it wrongly, where that is the fault.
std::string release_key(const Finding &finding)
{
    if (finding.rule == "never-released" || finding.rule == "release-failed" ||
        finding.rule == "storage-freed-live" || finding.rule == "reinitialised-live")
        return "";
    std::string key;
    if (finding.failed_release && !finding.failed_release->stack.empty())
        key += finding.failed_release->function + '\n' + place(finding.failed_release->stack.front()) + '\n';
    if (finding.ended_by && !finding.ended_by->stack.empty())
        key += finding.ended_by->function + '\n' + place(finding.ended_by->stack.front()) + '\n';
    return key;
}

} // namespace

KeyHash hash_of(const std::string &key)
{
    const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
    return {hash.high64, hash.low64};
}

std::string acquisition_key(const std::string &family, const std::string &function, const std::string &owner,
                            const Stack &stack, size_t blame_index)
{
    std::string key = family + '\n' + function + '\n' + owner + '\n';
    const size_t end = outermost(stack);
    for (size_t i = 0; i < end; i++) {
        if (stack[i].function.empty())
            key += address_text(stack[i]);
        else
            key += stack[i].function.text();
        key += '\n';
        if (i <= blame_index)
            key += place(stack[i]) + '\n';
    }
    return key;
}

std::vector<Described> group(std::vector<Described> cases)
{
    std::map<KeyHash, size_t> index;
    size_t groups = 0; // they take the first places of `cases`
    for (Described &one : cases) {
        const Finding &f = one.finding;
        std::string key = f.rule + '\n' +
                          acquisition_key(f.family, f.function, f.owner, f.stack, one.blame_index) + '\n' +
                          release_key(f);
        if (one.standard_streams)
            key += "standard streams\n";
        auto [at, added] = index.try_emplace(hash_of(key), groups);
        if (!added)
            merge(cases[at->second], std::move(one));
        else if (Described &place = cases[groups++]; &place != &one)
            place = std::move(one);
    }
    cases.resize(groups);

    std::map<KeyHash, std::vector<Described *>> same_names;
    for (Described &one : cases)
        same_names[hash_of(text_of_id(one.finding))].push_back(&one);
    for (auto &[key, alike] : same_names) {
        std::stable_sort(alike.begin(), alike.end(), [](const Described *a, const Described *b) {
            return std::tie(a->address, a->finding.owner) < std::tie(b->address, b->finding.owner);
        });
        const std::string text = text_of_id(alike.front()->finding);
        for (size_t ordinal = 0; ordinal < alike.size(); ordinal++) {
            const std::string hashed = ordinal == 0 ? text : text + fmt::format("#{}", ordinal);
            alike[ordinal]->finding.id = fmt::format("{:016x}", XXH3_64bits(hashed.data(), hashed.size()));
        }
    }
    return cases;
}

} // namespace unpaired
