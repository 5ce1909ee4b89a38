#include "writers/text_words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <fmt/format.h>
#include <memory>

namespace unpaired {
namespace {

struct Noun {
    std::string_view family, space, display;
};

constexpr std::string_view no_family;

// Every part that a recorder may have been built with. A family that stands in two parts means the same in both.
#define UNPAIRED_TABLE_LINUX
#define UNPAIRED_TABLE_FREERTOS
#define UNPAIRED_TABLE_RTTHREAD
#define UNPAIRED_TABLE_LWIP
#define UNPAIRED_TABLE_LWIP_MEMORY
#define UNPAIRED_TABLE_ESP
#define UNPAIRED_TABLE_WAMR
#define UNPAIRED_TABLE_LWIP_MEMORY
constexpr Noun nouns[] = {
#define UNPAIRED_FAMILY(family, space, display) {#family, #space, display},
#include "unpaired/resources/table.def"
    {no_family, no_family, no_family}};

const Noun *find_noun(std::string_view family)
{
    for (const Noun &noun : nouns)
        if (noun.family == family && !noun.family.empty())
            return &noun;
    return nullptr;
}

std::string plural_of(std::string_view display)
{
    // The noun itself comes first in "object from new" and "RT-Thread mutex in place", last everywhere else.
    const size_t from = std::min(display.find(" from "), display.find(" in place"));
    const std::string_view head = display.substr(0, from);
    const std::string_view tail = from == std::string_view::npos ? std::string_view() : display.substr(from);
    const char last = head.empty() ? ' ' : head.back();
    const bool consonant_y = last == 'y' && head.size() > 1 &&
                             std::string_view("aeiou").find(head[head.size() - 2]) == std::string_view::npos;
    if (consonant_y)
        return fmt::format("{}ies{}", head.substr(0, head.size() - 1), tail);
    return fmt::format("{}{}{}", head, last == 's' || last == 'x' || last == 'h' ? "es" : "s", tail);
}

} // namespace

std::string family_noun(std::string_view family, uint64_t n)
{
    const Noun *noun = find_noun(family);
    const std::string_view display = noun ? noun->display : family;
    return n == 1 ? std::string(display) : plural_of(display);
}

std::string_view family_released(std::string_view family)
{
    const Noun *noun = find_noun(family);
    const std::string_view space = noun ? noun->space : family;
    struct Verb {
        std::string_view space, participle;
    };
    static constexpr std::array verbs = {
        Verb{"fd", "closed"},
        Verb{"stream", "closed"},
        Verb{"dir", "closed"},
        Verb{"lwip_socket", "closed"},
        Verb{"named_sem", "closed"},
        Verb{"dl", "closed"},
        Verb{"heap", "freed"},
        Verb{"lwip_mem", "freed"},
        Verb{"memp", "freed"},
        Verb{"pbuf", "freed"},
        Verb{"addrinfo", "freed"},
        Verb{"ifaddrs", "freed"},
        Verb{"sys_sem", "freed"},
        Verb{"sys_mutex", "freed"},
        Verb{"sys_mbox", "freed"},
        Verb{"mapping", "unmapped"},
        Verb{"mutex", "destroyed"},
        Verb{"rwlock", "destroyed"},
        Verb{"cond", "destroyed"},
        Verb{"barrier", "destroyed"},
        Verb{"spin", "destroyed"},
        Verb{"sem", "destroyed"},
        Verb{"held_mutex", "unlocked"},
        Verb{"held_rwlock", "unlocked"},
        Verb{"held_spin", "unlocked"},
        Verb{"thread", "joined"},
        Verb{"key", "deleted"},
        Verb{"timer", "deleted"},
        Verb{"netconn", "deleted"},
        Verb{"freertos_heap", "freed"},
        Verb{"rt_heap", "freed"},
        Verb{"esp_heap", "freed"},
        Verb{"wasm_heap", "freed"},
        Verb{"rt_pool_block", "freed"},
        Verb{"task", "deleted"},
        Verb{"queue", "deleted"},
        Verb{"software_timer", "deleted"},
        Verb{"event_group", "deleted"},
        Verb{"stream_buffer", "deleted"},
        Verb{"rt_thread", "deleted"},
        Verb{"rt_sem", "deleted"},
        Verb{"rt_mutex", "deleted"},
        Verb{"rt_event", "deleted"},
        Verb{"rt_mailbox", "deleted"},
        Verb{"rt_queue", "deleted"},
        Verb{"rt_timer", "deleted"},
        Verb{"rt_pool", "deleted"},
        Verb{"rt_ipc_object", "detached"},
        Verb{"rt_timer_object", "detached"},
        Verb{"sal_socket", "closed"},
        Verb{"wasm_lock", "destroyed"},
        Verb{"wasm_semaphore", "closed"},
        Verb{"wasm_mapping", "unmapped"},
    };
    if (family == "new" || family == "new_array")
        return "deleted";
    for (const Verb &verb : verbs)
        if (verb.space == space)
            return verb.participle;
    return "released";
}

std::string grouped(uint64_t n)
{
    const std::string digits = fmt::format("{}", n);
    std::string out;
    for (size_t i = 0; i < digits.size(); i++) {
        if (i > 0 && (digits.size() - i) % 3 == 0)
            out += ',';
        out += digits[i];
    }
    return out;
}

std::string bytes_text(uint64_t bytes)
{
    if (bytes < 10000)
        return grouped(bytes) + " B";
    static constexpr std::array units = {"KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes) / 1024;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        unit++;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string duration_text(double seconds)
{
    if (seconds < 10)
        return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<uint64_t>(std::llround(seconds));
    if (whole < 60)
        return fmt::format("{} s", whole);
    if (whole < 3600)
        return fmt::format("{} min {} s", whole / 60, whole % 60);
    if (whole < 86400)
        return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
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

std::string function_text(const std::string &function)
{
    if (!function.starts_with("_Z"))
        return function;
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(function.c_str(), nullptr, nullptr, &status), &std::free);
    if (status != 0 || !name)
        return function;
    const std::string text = name.get();
    // The parameters of operator new and delete only tell the size_t: what a reader looks for is the operator.
    const size_t open = text.find('(');
    return text.starts_with("operator ") && open != std::string::npos ? text.substr(0, open) : text;
}

std::string base_name(const std::string &path)
{
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
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
