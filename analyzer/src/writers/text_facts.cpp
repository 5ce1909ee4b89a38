// What is known of one finding or one image, a line each.
#include "writers/text_facts.h"

#include "writers/text_words.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

namespace unpaired {
namespace {

std::string end_text(const TraceInfo &trace)
{
    if (trace.end == "exit")
        return "exited";
    if (trace.end.starts_with("signal:"))
        return "killed by " + signal_name(std::atoi(trace.end.c_str() + 7));
    if (trace.end == "exec")
        return "became another program";
    if (trace.end == "running")
        return "still running";
    if (trace.end == "restarted")
        return "restarted";
    return "end unknown";
}

std::string growth_text(const Finding &f, const TraceInfo &trace)
{
    const std::string rate = f.per_cycle > 0 ? ", " + rate_text(f.per_cycle, trace) : std::string();
    switch (*f.growth) {
    case Growth::linear:
        return "grows all the time" + rate;
    case Growth::step:
        return "grows in steps" + rate;
    case Growth::sawtooth:
        return "comes and goes; what is left is of the last period";
    case Growth::plateau:
        return "grew at the start only";
    case Growth::once:
        break;
    }
    return "acquired once";
}

/// A second release that nobody saw fail: free() returns nothing, and does what it does.
bool went_through(const Finding &f)
{
    return f.rule == "double-release" && f.failed_release->result == 0 && f.failed_release->error == 0;
}

std::string failed_text(const Finding &f)
{
    const FailedRelease &r = *f.failed_release;
    std::string text = went_through(f) ? failed_release_intro(f)
                                       : fmt::format("{} returned {}", function_text(r.function), r.result);
    if (r.error)
        text += fmt::format(" ({})", errno_name(r.error));
    if (r.count > 1)
        text += fmt::format(", {} times", grouped(r.count));
    if (!r.preceded_by.empty())
        text += fmt::format("; before it, {} had returned {}", r.preceded_by, r.preceded_by_result);
    return text;
}

std::vector<std::string> reached_texts(const Reached &r)
{
    std::vector<std::string> parts;
    const auto add = [&parts](const Part &part, std::string_view what) {
        if (part.count > 0)
            parts.push_back(fmt::format("{} ({}) {}", grouped(part.count), bytes_text(part.bytes), what));
    };
    add(r.lost, "lost: nothing points there");
    add(r.indirectly_lost, "lost with the lost blocks that alone hold them");
    add(r.possibly, "possibly lost: only doubtful pointers");
    add(r.reachable, "still held");
    return parts;
}

/// "the last pointer to each stands in a block of 40 B freed by free in session_end, session.c:17"
std::string last_holder_text(const Finding &f)
{
    const LastHolder &last = *f.last_holder;
    const std::string which = f.count == 1            ? "it"
                              : last.count == f.count ? "each"
                                                      : fmt::format("{} of them", grouped(last.count));
    std::string text = fmt::format("the last pointer to {} stands in a block of {} freed by {}", which,
                                   bytes_text(last.size), function_text(last.function));
    if (const std::string place = place_text(last.at); !place.empty())
        text += " in " + place;
    return text;
}

/// " in cycle 1,010, after about 2 h", as far as it is known; " at acquisition 1,018" without a cycle, unless a failed
/// one is told.
std::string when_text(const Forecast &c)
{
    std::string text;
    if (c.at_cycle > 0)
        text = fmt::format(" in cycle {}", grouped(c.at_cycle));
    else if (c.failed.empty())
        text = fmt::format(" at acquisition {}", grouped(c.at_acquisition));
    if (c.after_s >= 0.05) // shorter ones are not worth a word
        text += fmt::format("{} after {}{}", text.empty() ? "" : ",", c.reached ? "" : "about ",
                            c.reached ? duration_text(c.after_s) : rough_duration_text(c.after_s));
    return text;
}

/// "the 38th lwip_socket failed (ENFILE)", or "fopen failed (EMFILE)"
std::string shortage_text(const Forecast &c)
{
    const std::string call = function_text(c.failed);
    return fmt::format("{} failed ({})",
                       c.failed_at > 0 ? fmt::format("the {} {}", ordinal(c.failed_at), call) : call,
                       errno_name(c.error));
}

} // namespace

std::string forecast_text(const Forecast &c)
{
    const std::string when = when_text(c);
    if (c.limit == 0)
        return c.failed.empty() ? fmt::format("no more could be had{}", when)
                                : fmt::format("{}{}: no more could be had", shortage_text(c), when);
    std::string name = c.limit_name.empty() ? "the limit" : c.limit_name;
    if (name.find('=') == std::string::npos) // one that was given has its number
        name += fmt::format(" ({})", grouped(c.limit));
    if (!c.reached)
        return fmt::format("{} will be reached{}", name, when);
    std::string text = fmt::format("{} was reached{}", name, when);
    if (!c.failed.empty())
        text += ": " + shortage_text(c);
    else if (c.limit_name == "FD_SETSIZE")
        text += ": select cannot take its descriptor";
    return text;
}

std::string sibling_text(const Finding &f)
{
    const Sibling &s = *f.sibling;
    std::string text = fmt::format("the twin {}", function_text(s.function));
    if (s.blame.function != f.blame.function)
        text += fmt::format(" in {}", shortened_name(s.blame.function, widest_name));
    text += fmt::format(" at {}:{} is {}", base_name(s.blame.file), s.blame.line, family_released(f.family));
    if (!s.released_by.empty())
        text += " by " + function_text(s.released_by);
    return text + fmt::format(": {} of {}", grouped(s.released), grouped(s.acquired));
}

std::string ended_by_intro(const Finding &f)
{
    if (f.rule == "double-release")
        return "first released by";
    if (f.rule == "storage-freed-live")
        return "memory freed by";
    if (f.rule == "reinitialised-live")
        return "initialised again by";
    return "released by";
}

std::string failed_release_intro(const Finding &f)
{
    const std::string function = function_text(f.failed_release->function);
    return f.rule == "double-release" ? fmt::format("{} again by {}", family_released(f.family), function)
                                      : function + " failed";
}

bool is_limit_told_first(const Finding &f)
{
    return f.forecast && (f.forecast->limit != 0 || !f.forecast->failed.empty()) && f.rule != "limit-reached";
}

std::vector<std::string> finding_facts(const Finding &f, const TraceInfo &trace, bool alone)
{
    std::vector<std::string> out;
    if (f.acquired) {
        std::string counts = fmt::format("{} acquired, {} released, {} unpaired", grouped(f.acquired),
                                         grouped(f.released), grouped(f.count));
        if (f.bytes)
            counts += fmt::format(", {}", bytes_text(f.bytes));
        out.push_back(counts);
    }
    if (f.growth && *f.growth != Growth::once)
        out.push_back(growth_text(f, trace));
    if (!f.parts.empty()) {
        std::vector<std::string> parts;
        for (const auto &[family, part] : f.parts)
            parts.push_back(part.bytes
                                ? fmt::format("{} {} ({})", grouped(part.count),
                                              family_noun(family, part.count), bytes_text(part.bytes))
                                : fmt::format("{} {}", grouped(part.count), family_noun(family, part.count)));
        out.push_back("with " + fmt::format("{}", fmt::join(parts, ", ")) + " inside");
    }
    // what went through is told above its stack
    if (f.failed_release && !(went_through(f) && f.failed_release->count == 1))
        out.push_back(failed_text(f));
    if (f.forecast && !(alone && is_limit_told_first(f)))
        out.push_back(forecast_text(*f.forecast));
    if (f.sibling && !alone)
        out.push_back(sibling_text(f));
    if (const std::vector<std::string> ways = reached_texts(f.reached); ways.size() > 1)
        out.push_back(fmt::format("{}", fmt::join(ways, "; "))); // of one alone the sentence says it
    if (f.last_holder)
        out.push_back(last_holder_text(f));
    if (!f.held_by.empty())
        out.push_back(f.held_by);
    out.insert(out.end(), f.remarks.begin(), f.remarks.end());
    if (!f.suppressed_by.empty())
        out.push_back("suppressed by " + f.suppressed_by);
    if (f.baseline && !f.baseline->grown) // of one that has grown a remark tells it
        out.push_back(fmt::format("as in the baseline, which has {}", grouped(f.baseline->count)));
    return out;
}

std::vector<std::string> unused_suppressions_texts(const Report &report)
{
    std::vector<std::string> lines;
    if (report.unused_suppressions.empty())
        return lines;
    lines.push_back("");
    lines.push_back(
        fmt::format("{} matched nothing:", plural(report.unused_suppressions.size(), "suppression")));
    size_t column = 0;
    for (const UnusedSuppression &line : report.unused_suppressions)
        column = std::max(column, line.origin.size());
    for (const UnusedSuppression &line : report.unused_suppressions)
        lines.push_back(fmt::format("  {:<{}}  {}", line.origin, column, line.text));
    return lines;
}

std::string which_text(const TraceInfo &trace)
{
    if (trace.run > 0)
        return fmt::format("run {}", trace.run);
    if (trace.source == "wrap")
        return "device";
    return fmt::format("{}", trace.pid);
}

std::string about_text(const TraceInfo &trace)
{
    if (trace.source == "ram")
        return "RAM image";
    if (trace.source == "wrap" && trace.run == 0)
        return end_text(trace);
    const char *what = trace.source == "wrap" ? "" : trace.source == "core" ? "core of process " : "process ";
    return fmt::format("{}{}, {}", what, which_text(trace), end_text(trace));
}

} // namespace unpaired
