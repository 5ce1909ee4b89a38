// One sentence per finding: what happened to how many of what, and where.
#include "writers/text.h"
#include "writers/text_words.h"

#include <fmt/format.h>

namespace unpaired {
namespace {

/// "3 of 10 sockets", "7 of 7 heap blocks (140 B)", "1 stdio stream" where there was no other.
std::string how_many(const Finding &f)
{
    const std::string bytes = f.bytes ? fmt::format(" ({})", bytes_text(f.bytes)) : std::string();
    if (f.acquired > 1 && f.acquired >= f.count)
        return fmt::format("{} of {} {}{}", grouped(f.count), grouped(f.acquired),
                           family_noun(f.family, f.acquired), bytes);
    return fmt::format("{} {}{}", grouped(f.count), family_noun(f.family, f.count), bytes);
}

std::string times(uint64_t n) { return n == 1 ? std::string() : fmt::format(" {} times", grouped(n)); }

/// Of the blocks of a finding whose memory was looked at.
std::string how_held(const Finding &f)
{
    const Reached &r = f.reached;
    const uint64_t lost = r.lost.count + r.indirectly_lost.count;
    const auto of_all = [&f](uint64_t count, uint64_t bytes) {
        if (count == f.count)
            return how_many(f);
        return fmt::format("{} of {} {} ({})", grouped(count), grouped(f.count),
                           family_noun(f.family, f.count), bytes_text(bytes));
    };
    if (r.lost.count > 0)
        return fmt::format("{} lost, nothing points to {}",
                           of_all(lost, r.lost.bytes + r.indirectly_lost.bytes), lost == 1 ? "it" : "them");
    if (lost > 0)
        return fmt::format("{} lost with what held {}", of_all(lost, r.indirectly_lost.bytes),
                           lost == 1 ? "it" : "them");
    if (r.possibly.count > 0)
        return fmt::format("{} possibly lost", of_all(r.possibly.count, r.possibly.bytes));
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
        const FailedRelease &failed = *f.failed_release;
        const std::string after =
            failed.preceded_by.empty() ? std::string() : fmt::format(" after {}", failed.preceded_by);
        return fmt::format("{} not {}: {} failed{}{}", how_many(f), released, failed.function,
                           times(failed.count), after);
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
        return fmt::format("out of {}{}: the limit was reached", many, times(f.count));
    }
    return fmt::format("{}: {}", f.rule, how_many(f));
}

} // namespace

std::string finding_sentence(const Finding &f)
{
    std::string where = function_text(f.function);
    if (!f.blame.function.empty())
        where += fmt::format("{}in {}", where.empty() ? "" : " ", f.blame.function);
    if (!f.blame.file.empty())
        where += fmt::format(", {}:{}", base_name(f.blame.file), f.blame.line);
    else if (!f.blame.module.empty())
        where += fmt::format("{}{}",
                             !f.blame.function.empty() ? ", "
                             : where.empty()           ? "in "
                                                       : " in ",
                             base_name(f.blame.module));
    std::string sentence = what_happened(f);
    if (!where.empty())
        sentence += ": " + where;
    if (!f.owner.empty())
        sentence += fmt::format(" (owner {})", f.owner);
    return sentence;
}

} // namespace unpaired
