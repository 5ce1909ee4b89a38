#include "writers/text_words.h"

#include "report.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

namespace unpaired {

std::string rough_duration_text(double seconds)
{
    struct Unit {
        double seconds;
        const char *one, *many;
    };
    static constexpr Unit units[] = {
        {365.25 * 86400, "year", "years"}, {86400, "day", "days"}, {3600, "h", "h"}, {60, "min", "min"}};
    for (const Unit &unit : units)
        if (const double whole = std::round(seconds / unit.seconds);
            seconds >= 1.5 * unit.seconds && whole * unit.seconds >= seconds * 15 / 16)
            return fmt::format("{:.0f} {}", whole, whole < 2 ? unit.one : unit.many);
    return seconds < 1 ? fmt::format("{:.1f} s", seconds) : fmt::format("{:.0f} s", seconds);
}

std::string rate_text(double per_cycle, const TraceInfo &trace)
{
    if (per_cycle < 0.95)
        return fmt::format("one in about {:.0f} {}", 1 / per_cycle, cycle_noun(trace, 2));
    const double whole = std::round(per_cycle);
    const bool exact = std::abs(per_cycle - whole) < 0.05 * whole;
    return exact ? fmt::format("{:.0f} per {}", whole, cycle_noun(trace, 1))
                 : fmt::format("about {:.1f} per {}", per_cycle, cycle_noun(trace, 1));
}

std::string ordinal(uint64_t n)
{
    const uint64_t tens = n / 10 % 10, units = tens == 1 ? 0 : n % 10;
    return grouped(n) + (units == 1 ? "st" : units == 2 ? "nd" : units == 3 ? "rd" : "th");
}

std::string errno_name(int error)
{
    const char *name = strerrorname_np(error);
    return name ? name : fmt::format("errno {}", error);
}

std::string signal_name(int signal)
{
    const char *name = sigabbrev_np(signal);
    return name ? std::string("SIG") + name : fmt::format("signal {}", signal);
}

std::string base_name(const std::string &path)
{
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string place_text(const Frame &frame)
{
    std::string text = shortened_name(frame.function, widest_name);
    const std::string file = !frame.file.empty() ? fmt::format("{}:{}", base_name(frame.file), frame.line)
                                                 : base_name(frame.module);
    if (!text.empty() && !file.empty())
        text += ", ";
    return text + file;
}

std::string program_name(const TraceInfo &trace)
{
    std::string started = trace.command.empty() ? std::string() : base_name(trace.command.front());
    if (started.starts_with('-')) // so login calls a shell
        started.erase(0, 1);
    if (!started.empty())
        return started;
    return trace.program.empty() ? "program" : base_name(trace.program);
}

std::string printable(const std::vector<uint8_t> &bytes)
{
    std::string text;
    for (uint8_t byte : bytes)
        text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
    return text;
}

std::string plural(uint64_t n, std::string_view word)
{
    return fmt::format("{} {}{}", grouped(n), word, n == 1 ? "" : "s");
}

std::string joined(const std::vector<std::string> &parts, std::string_view separator)
{
    return fmt::format("{}", fmt::join(parts, separator));
}

} // namespace unpaired
