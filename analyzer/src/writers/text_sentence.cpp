// One sentence per finding: what happened to how many of what, and where.
#include "writers/text.h"
#include "writers/text_words.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace unpaired {
namespace {

/// " of 20 B (140 B)" where all have one size, else " (140 B)"; "" for what has none.
std::string size_text(uint64_t count, uint64_t bytes, uint64_t each)
{
    if (bytes == 0)
        return "";
    return fmt::format("{} ({})", each && count > 1 ? fmt::format(" of {}", bytes_text(each)) : "",
                       bytes_text(bytes));
}

/// "3 of 10 sockets", "7 of 7 heap blocks of 20 B (140 B)", "1 stdio stream" where there was no other.
std::string how_many(const Finding &f)
{
    const std::string bytes = size_text(f.count, f.bytes, f.each);
    if (f.acquired > 1 && f.acquired >= f.count)
        return fmt::format("{} of {} {}{}", grouped(f.count), grouped(f.acquired),
                           family_noun(f.family, f.acquired), bytes);
    return fmt::format("{} {}{}", grouped(f.count), family_noun(f.family, f.count), bytes);
}

/// ", from mqtt_client.c:281 and :282" where several lines of one function came to the blamed frame; "" else.
std::string called_at(const Finding &f)
{
    constexpr size_t most = 4; // more say no more than that there are many
    if (f.callers.size() < 2)
        return "";
    std::vector<std::string> lines;
    for (const Frame &caller : f.callers)
        lines.push_back(fmt::format("{}:{}", lines.empty() ? base_name(caller.file) : "", caller.line));
    if (lines.size() > most) {
        const size_t more = lines.size() - most + 1; // at least two
        lines.resize(most - 1);
        lines.push_back(fmt::format("{} more lines", more));
    }
    return ", from " + joined_and(lines);
}

/// " (-1, EINVAL)"
std::string returned(const FailedRelease &failed)
{
    // POSIX: the functions of pthread.h return the error's number
    const int error =
        failed.error == 0 && failed.function.starts_with("pthread_") ? failed.result : failed.error;
    return error == 0 ? fmt::format(" ({})", failed.result)
                      : fmt::format(" ({}, {})", failed.result, errno_name(error));
}

/// Where a release failed; for code without debug information also where that was called from.
std::string place_of_failure(const FailedRelease &failed)
{
    if (!failed.at.file.empty() || failed.at.function.empty())
        return place_text(failed.at);
    auto caller = std::find(failed.stack.begin(), failed.stack.end(), failed.at);
    caller = std::find_if(caller, failed.stack.end(), [](const Frame &frame) { return !frame.file.empty(); });
    if (caller == failed.stack.end())
        return place_text(failed.at);
    return fmt::format("{}, called from {}", shortened_name(failed.at.function, widest_name),
                       place_text(*caller));
}

/// "37 of 37 closes failed (-1), each after lwip_shutdown returned 0, at mbedtls_net_free, net_sockets.c:40"
std::string how_it_failed(const Finding &f, const FailedRelease &failed)
{
    const uint64_t tried = failed.count + f.released;
    std::string text = tried == 1 ? fmt::format("the only {}", family_release(f.family, 1))
                                  : fmt::format("{} of {} {}", grouped(failed.count), grouped(tried),
                                                family_release(f.family, tried));
    text += " failed" + returned(failed);
    if (!failed.preceded_by.empty())
        text += fmt::format(", {}after {} returned {}", failed.count > 1 ? "each " : "", failed.preceded_by,
                            failed.preceded_by_result);
    if (const std::string at = place_of_failure(failed); !at.empty())
        text += ", at " + at;
    return text;
}

/// What failed releases left. If each left one, their number is that of the releases, which is told.
std::string left_by(const Finding &f, const FailedRelease &failed)
{
    if (f.count > 1 && f.count == failed.count && f.bytes == 0)
        return fmt::format("each left its {}", family_noun(f.family, 1));
    return how_many(f) + " left";
}

/// ", 2 per reconnect"; "" for what does not grow by cycles, where the incident tells it, and for one of each call of
/// what acquires it.
std::string rate(const Finding &f, const TraceInfo &trace)
{
    const bool itself =
        trace.cycle_source != "marks" && trace.cycle_name == f.function && std::abs(f.per_cycle - 1) < 0.05;
    return f.per_cycle <= 0 || f.incident != 0 || itself ? std::string()
                                                         : ", " + rate_text(f.per_cycle, trace);
}

std::string times(uint64_t n) { return n == 1 ? std::string() : fmt::format(" {} times", grouped(n)); }

/// Of the blocks of a finding whose memory was looked at.
std::string how_held(const Finding &f)
{
    const Reached &r = f.reached;
    const auto of_all = [&f](const Part &part) {
        if (part.count == f.count)
            return how_many(f);
        return fmt::format("{} of {} {}{}", grouped(part.count), grouped(f.count),
                           family_noun(f.family, f.count), size_text(part.count, part.bytes, f.each));
    };
    if (r.lost.count > 0) {
        std::string text =
            fmt::format("{} lost, nothing points to {}", of_all(r.lost), r.lost.count == 1 ? "it" : "them");
        if (r.indirectly_lost.count > 0)
            text += fmt::format(", and {} ({}) with {}", grouped(r.indirectly_lost.count),
                                bytes_text(r.indirectly_lost.bytes), r.lost.count == 1 ? "it" : "them");
        return text;
    }
    if (r.indirectly_lost.count > 0)
        return fmt::format("{} lost with what held {}", of_all(r.indirectly_lost),
                           r.indirectly_lost.count == 1 ? "it" : "them");
    if (r.possibly.count > 0)
        return fmt::format("{} possibly lost", of_all(r.possibly));
    return fmt::format("{} never {}, still held", how_many(f), family_released(f.family));
}

std::string what_happened(const Finding &f)
{
    const std::string_view released = family_released(f.family);
    const std::string one = family_noun(f.family, 1), many = family_noun(f.family, 2);
    if (f.rule == "never-released" && f.reached.any())
        return how_held(f);
    if (f.rule == "never-released")
        return fmt::format("{} never {}", how_many(f), released);
    if (f.rule == "release-failed") {
        if (!f.failed_release)
            return fmt::format("{} not released: the release failed", how_many(f));
        return fmt::format("{}: {}", how_it_failed(f, *f.failed_release), left_by(f, *f.failed_release));
    }
    if (f.rule == "storage-freed-live")
        return fmt::format("{} lost when the memory around {} was freed", how_many(f),
                           f.count == 1 ? "it" : "them");
    if (f.rule == "reinitialised-live")
        return fmt::format("{} lost when {} initialised again while live", how_many(f),
                           f.count == 1 ? "it was" : "they were");
    if (f.rule == "double-release")
        return fmt::format("{} {} twice{}", one, released, times(f.count));
    if (f.rule == "mismatched-release")
        return fmt::format("{} given to the wrong releaser{}{}", one,
                           f.ended_by ? ", " + function_text(f.ended_by->function) : std::string(),
                           times(f.count));
    if (f.rule == "release-unknown")
        return fmt::format("release of what was never a live {}{}", one, times(f.count));
    if (f.rule == "foreign-release")
        return fmt::format("{} released by another owner", how_many(f));
    if (f.rule == "tag-overwritten")
        return fmt::format("{} written past the end", how_many(f));
    if (f.rule == "held-at-exit")
        return fmt::format("{} never unlocked by the thread that held {}", how_many(f),
                           f.count == 1 ? "it" : "them");
    if (f.rule == "limit-reached") {
        if (f.forecast && f.forecast->limit)
            return fmt::format("out of {}{}: {} is {}", many, times(f.count),
                               f.forecast->limit_name.empty() ? "the limit" : f.forecast->limit_name,
                               grouped(f.forecast->limit));
        if (f.forecast && f.forecast->error) // what the system would say
            return fmt::format("out of {}{}: {}", many, times(f.count), errno_name(f.forecast->error));
        return fmt::format("out of {}{}: the limit was reached", many, times(f.count));
    }
    return fmt::format("{}: {}", f.rule, how_many(f));
}

} // namespace

std::string finding_sentence(const Finding &f, const TraceInfo &trace)
{
    // a failed release has told where already; this is where the resource came from
    const bool of_release = f.rule == "release-failed" && f.failed_release;
    std::string where = function_text(f.function);
    if (!f.through.empty())
        where += " by " + function_text(f.through);
    const bool short_place = of_release && f.blame.file.empty() && !f.blame.function.empty();
    if (const std::string blamed =
            short_place ? shortened_name(f.blame.function, widest_name) : place_text(f.blame);
        !blamed.empty())
        where += fmt::format("{}in {}", where.empty() ? "" : " ", blamed);
    std::string sentence = what_happened(f) + rate(f, trace);
    if (!where.empty())
        sentence += (of_release ? ", " : ": ") + where + called_at(f);
    if (!f.owner.empty())
        sentence += fmt::format(" (owner {})", f.owner);
    return sentence;
}

} // namespace unpaired
